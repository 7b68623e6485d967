// Storing and reading rows of a cache.
#include "core/kernels/cache_rows.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cache_rows.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/cache_rows-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

constexpr size_t kScoredBlock = 128;    // rows whose scores are kept at once
constexpr float kSmallestRow = 1e-30f;  // below, 127 / largest would overflow

/// The upper half of each float, rounded to nearest even.
HWY_INLINE auto to_bf16(FloatVec v) {
  const hn::RebindToUnsigned<Floats> du;
  const hn::RebindToSigned<Floats> di;
  const auto bits = hn::BitCast(du, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fff)));
  const auto quiet_nan = hn::Or(bits, hn::Set(du, 0x400000));
  const auto is_number = hn::RebindMask(du, hn::Eq(v, v));
  const auto upper = hn::ShiftRight<16>(hn::IfThenElse(is_number, rounded, quiet_nan));
  return hn::DemoteTo(hn::Rebind<uint16_t, Floats>(), hn::BitCast(di, upper));
}

HWY_INLINE auto to_int8(FloatVec v) {
  return hn::DemoteTo(hn::Rebind<int8_t, Floats>(), hn::NearestInt(v));
}

/// to[i] = narrow(x[i])
template <class T, class Narrow>
HWY_INLINE void store_narrow(const float* x, size_t n, T* to, const Narrow& narrow) {
  const Floats d;
  const hn::Rebind<T, Floats> dt;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(narrow(hn::LoadU(d, x + i)), dt, to + i);
  if (i == n) return;
  HWY_ALIGN T last[hn::MaxLanes(Floats())];
  hn::Store(narrow(load_part(d, x + i, n - i)), dt, last);
  std::copy_n(last, n - i, to + i);
}

/// The largest absolute value; NaN if one is not finite.
HWY_INLINE float largest_of(const float* x, size_t n) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  FloatVec largest = hn::Zero(d);
  FloatVec nan = hn::Zero(d);
  for (size_t i = 0; i < n; i += lanes) {
    const FloatVec v = load_part(d, x + i, std::min(lanes, n - i));
    largest = hn::Max(largest, hn::Abs(v));
    nan = hn::MulAdd(v, hn::Zero(d), nan);  // 0 of a finite value
  }
  return hn::GetLane(hn::MaxOfLanes(d, largest)) + hn::GetLane(hn::SumOfLanes(d, nan));
}

/// Returns the row's scale.
HWY_INLINE float store_int8(const float* x, size_t n, int8_t* to) {
  const float largest = largest_of(x, n);
  if (!(largest >= kSmallestRow)) {
    std::fill_n(to, n, int8_t{0});
    return largest == largest ? 0.0f : largest;
  }
  const FloatVec inverse = hn::Set(Floats(), 127.0f / largest);
  store_narrow(x, n, to, [&](FloatVec v) { return to_int8(hn::Mul(v, inverse)); });
  return largest / 127.0f;
}

void store_rows(const float* x, size_t n, size_t d, const StoredRows& to) {
  std::byte* row = to.data;
  for (size_t i = 0; i < n; ++i, x += d, row += to.stride) {
    if (to.type == CacheType::f32) {
      std::copy_n(x, d, reinterpret_cast<float*>(row));
    } else if (to.type == CacheType::bf16) {
      store_narrow(x, d, reinterpret_cast<uint16_t*>(row), [](FloatVec v) { return to_bf16(v); });
    } else {
      to.scales[i * to.scale_stride] = store_int8(x, d, reinterpret_cast<int8_t*>(row));
    }
  }
}

void score_rows(const float* q, CacheRows rows, size_t n, size_t d, float scale, float* scores) {
  HWY_ALIGN float block[kScoredBlock];
  for (size_t begin = 0; begin < n; begin += kScoredBlock) {
    const size_t count = std::min(kScoredBlock, n - begin);
    const CacheRows some = rows.from(begin, d);
    with_elements(some,
                  [&](const auto* keys) { score_elements(q, keys, count, d, Reads(), block); });
    apply_scales(scale, some.scales, count, block);
    std::copy_n(block, count, scores + begin);
  }
}

void add_row(CacheRows row, size_t d, float* y) {
  const Floats df;
  const size_t lanes = hn::Lanes(df);
  const FloatVec scale = hn::Set(df, row.scales == nullptr ? 1.0f : row.scales[0]);
  with_elements(row, [&](const auto* values) {
    for (size_t i = 0; i < d; i += lanes) {
      const size_t part = std::min(lanes, d - i);
      const FloatVec sum = hn::MulAdd(load_part(df, values + i, part), scale,
                                      load_part(df, static_cast<const float*>(y) + i, part));
      store_part(df, sum, y + i, part);
    }
  });
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(store_rows);
HWY_EXPORT(score_rows);
HWY_EXPORT(add_row);

void store_rows(const float* x, size_t n, size_t d, const StoredRows& to) {
  HWY_DYNAMIC_DISPATCH(store_rows)(x, n, d, to);
}

void score_rows(const float* q, CacheRows rows, size_t n, size_t d, float scale, float* scores) {
  HWY_DYNAMIC_DISPATCH(score_rows)(q, rows, n, d, scale, scores);
}

void add_row(CacheRows row, size_t d, float* y) {
  HWY_DYNAMIC_DISPATCH(add_row)(row, d, y);
}

}  // namespace terse::kernels
#endif
