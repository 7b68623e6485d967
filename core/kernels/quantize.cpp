// quantize: the largest magnitude of a group becomes 127.
#include "core/kernels/quantize.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/quantize.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/rows-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

using Ints = hn::RebindToSigned<Floats>;

// Below this a group counts as zero: the reciprocal of its scale would overflow.
constexpr float kSmallest = 1e-30f;
// Groups whose sums and magnitudes are folded together.
constexpr size_t kTogether = 4;
// Lanes of a vector that one group fills, and vectors of a group.
constexpr size_t kLanes = hn::MaxLanes(Floats()) < kGroup ? hn::MaxLanes(Floats()) : kGroup;
constexpr size_t kVectors = kGroup / kLanes;
// Added to a float, it rounds to the nearest even integer, which then stands in the lowest bits.
constexpr float kRounding = 0x1.8p23f;
constexpr int32_t kRoundingBits = 0x4b400000;

/// Values to quantise: those of an array.
struct Plain {
  const float* x;

  FloatVec at(size_t i) const { return hn::LoadU(Floats(), x + i); }
  FloatVec part(size_t i, size_t n) const { return load_part(Floats(), x + i, n); }
};

/// Values to quantise: those of an array, each times a weight.
template <class Row>
struct Gated {
  const float* x;
  Row gates;

  FloatVec at(size_t i) const {
    const Floats d;
    return hn::Mul(hn::LoadU(d, x + i), load(d, gates + i));
  }
  FloatVec part(size_t i, size_t n) const {
    const Floats d;
    return hn::Mul(load_part(d, x + i, n), load_part(d, gates + i, n));
  }
};

struct LargerLanes {
  template <class V>
  HWY_INLINE V operator()(V a, V b) const {
    return hn::Max(a, b);
  }
};
/// Op on the bits of floats as integers.
template <class Op>
struct OnBits {
  template <class V>
  HWY_INLINE V operator()(V a, V b) const {
    const hn::RebindToSigned<hn::DFromV<V>> di;
    return hn::BitCast(hn::DFromV<V>(), Op()(hn::BitCast(di, a), hn::BitCast(di, b)));
  }
};
using AddBits = OnBits<AddLanes>;
using MaxBits = OnBits<LargerLanes>;  // of magnitudes: NaN is the largest

/// The scale of each group is its largest magnitude / 127; 1 / scale, or 0 of a group of zeros.
HWY_INLINE void find_scales(const float* magnitudes, float* scales, float* inverses) {
  const hn::CappedTag<float, kTogether> d;
  for (size_t g = 0; g < kTogether; g += hn::Lanes(d)) {
    const auto m = hn::LoadU(d, magnitudes + g);
    const auto zero = hn::Lt(m, hn::Set(d, kSmallest));
    const auto nan_if_not_finite = hn::Sub(m, m);
    const auto scale = hn::Add(hn::Div(m, hn::Set(d, 127.0f)), nan_if_not_finite);
    hn::StoreU(hn::IfThenZeroElse(zero, scale), d, scales + g);
    hn::StoreU(hn::IfThenZeroElse(zero, hn::Div(hn::Set(d, 127.0f), m)), d, inverses + g);
  }
}

/// kTogether whole groups.
template <class Source>
HWY_INLINE void quantize_groups(const Source& source, size_t first, const QuantizedGroups& out) {
  const Floats d;
  const Ints di;
  const hn::Rebind<int8_t, Floats> db;
  FloatVec x[kTogether][kVectors];
  FloatVec largest[kTogether];
  for (size_t g = 0; g < kTogether; ++g) {
    largest[g] = hn::Zero(d);
    for (size_t v = 0; v < kVectors; ++v) {
      x[g][v] = source.at(first + g * kGroup + v * kLanes);
      largest[g] = MaxBits()(largest[g], hn::Abs(x[g][v]));
    }
  }
  float magnitudes[kTogether];
  fold_lanes(MaxBits(), largest[0], largest[1], largest[2], largest[3], magnitudes);
  float inverses[kTogether];
  find_scales(magnitudes, out.scales, inverses);

  FloatVec sums[kTogether];  // integers
  for (size_t g = 0; g < kTogether; ++g) {
    const FloatVec inverse = hn::Set(d, inverses[g]);
    sums[g] = hn::Zero(d);
    for (size_t v = 0; v < kVectors; ++v) {
      const FloatVec rounded = hn::Add(hn::Mul(x[g][v], inverse), hn::Set(d, kRounding));
      const auto q = hn::Sub(hn::BitCast(di, rounded), hn::Set(di, kRoundingBits));
      sums[g] = AddBits()(sums[g], hn::BitCast(d, q));
      hn::StoreU(hn::DemoteTo(db, q), db, out.values + g * kGroup + v * kLanes);
    }
  }
  float totals[kTogether];
  fold_lanes(AddBits(), sums[0], sums[1], sums[2], sums[3], totals);
  std::memcpy(out.sums, totals, sizeof(totals));
  for (size_t g = 0; g < kTogether; ++g) {
    if (out.scales[g] != out.scales[g]) out.sums[g] = 0;  // NaN
  }
}

template <class Source>
HWY_INLINE void quantize_all(const Source& source, size_t n, const QuantizedGroups& out) {
  constexpr size_t kValues = kTogether * kGroup;
  size_t i = 0;
  for (; i + kValues <= n; i += kValues) {
    const size_t g = i / kGroup;
    quantize_groups(source, i, {out.values + i, out.scales + g, out.sums + g});
  }
  if (i == n) return;
  // The last groups in a copy that is filled with zeros.
  const Floats d;
  float last[kValues] = {};
  for (size_t j = i; j < n; j += kLanes) {
    const size_t part = std::min(kLanes, n - j);
    store_part(d, source.part(j, part), last + (j - i), part);
  }
  int8_t values[kValues];
  float scales[kTogether];
  int32_t sums[kTogether];
  quantize_groups(Plain{last}, 0, {values, scales, sums});
  const size_t groups = groups_of(n - i);
  std::copy_n(values, groups * kGroup, out.values + i);
  std::copy_n(scales, groups, out.scales + i / kGroup);
  std::copy_n(sums, groups, out.sums + i / kGroup);
}

void quantize(const float* x, size_t n, const QuantizedGroups& out) {
  quantize_all(Plain{x}, n, out);
}

void quantize_gated(const float* x, WeightView gates, size_t n, const QuantizedGroups& out) {
  with_rows(gates, n, [&](const auto& rows) {
    using Row = std::remove_cvref_t<decltype(rows[0])>;
    quantize_all(Gated<Row>{x, rows[0]}, n, out);
  });
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(quantize);
HWY_EXPORT(quantize_gated);

void quantize(const float* x, size_t n, const QuantizedGroups& out) {
  HWY_DYNAMIC_DISPATCH(quantize)(x, n, out);
}

void quantize_gated(const float* x, WeightView gates, size_t n, const QuantizedGroups& out) {
  HWY_DYNAMIC_DISPATCH(quantize_gated)(x, gates, n, out);
}

}  // namespace terse::kernels
#endif
