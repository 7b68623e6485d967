// quantize: the largest magnitude of a group becomes 127.
#include "core/kernels/quantize.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/quantize.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

// Below this a group counts as zero: the reciprocal of its scale would overflow.
constexpr float kSmallest = 1e-30f;

/// One whole group.
HWY_INLINE void quantize_group(const float* x, int8_t* values, float* scale, int32_t* sum) {
  const Floats d;
  const hn::Rebind<int32_t, Floats> di;
  const hn::Rebind<int8_t, Floats> db;
  const size_t lanes = std::min(hn::Lanes(d), kGroup);
  FloatVec largest = hn::Zero(d);
  FloatVec damage = hn::Zero(d);  // NaN where a value is not finite
  for (size_t i = 0; i < kGroup; i += lanes) {
    const FloatVec v = hn::LoadU(d, x + i);
    largest = hn::Max(largest, hn::Abs(v));
    damage = hn::Add(damage, hn::Sub(v, v));
  }
  const float magnitude = hn::GetLane(hn::MaxOfLanes(d, largest));
  const float inverse = magnitude < kSmallest ? 0.0f : 127.0f / magnitude;
  auto total = hn::Zero(di);
  for (size_t i = 0; i < kGroup; i += lanes) {
    const auto q = hn::NearestInt(hn::Mul(hn::LoadU(d, x + i), hn::Set(d, inverse)));
    total = hn::Add(total, q);
    hn::StoreU(hn::DemoteTo(db, q), db, values + i);
  }
  const float damaged = sum_lanes(damage);
  *scale = (magnitude < kSmallest ? 0.0f : magnitude / 127.0f) + damaged;
  *sum = hn::GetLane(hn::SumOfLanes(di, total));
}

void quantize(const float* x, size_t n, const QuantizedGroups& out) {
  size_t g = 0;
  for (; (g + 1) * kGroup <= n; ++g) {
    quantize_group(x + g * kGroup, out.values + g * kGroup, out.scales + g, out.sums + g);
  }
  if (g * kGroup == n) return;
  float last[kGroup] = {};
  std::copy(x + g * kGroup, x + n, last);
  quantize_group(last, out.values + g * kGroup, out.scales + g, out.sums + g);
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(quantize);

void quantize(const float* x, size_t n, const QuantizedGroups& out) {
  HWY_DYNAMIC_DISPATCH(quantize)(x, n, out);
}

}  // namespace terse::kernels
#endif
