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
// Groups whose sums and maxima are folded together.
constexpr size_t kTogether = 4;

/// The scale of each group is its largest magnitude / 127; 1 / scale, or 0 of a group of zeros.
HWY_INLINE void find_scales(const float* x, float* scales, float* inverses) {
  const Floats d;
  const size_t lanes = std::min(hn::Lanes(d), kGroup);
  FloatVec largest[kTogether];
  for (size_t g = 0; g < kTogether; ++g) {
    largest[g] = hn::Zero(d);
    for (size_t i = 0; i < kGroup; i += lanes) {
      largest[g] = hn::Max(hn::Abs(hn::LoadU(d, x + g * kGroup + i)), largest[g]);
    }
  }
  float magnitudes[kTogether];
  max_lanes(largest[0], largest[1], largest[2], largest[3], magnitudes);
  for (size_t g = 0; g < kTogether; ++g) {
    const bool zero = magnitudes[g] < kSmallest;
    scales[g] = zero ? 0.0f : magnitudes[g] / 127.0f;
    inverses[g] = zero ? 0.0f : 127.0f / magnitudes[g];
  }
}

/// Whole groups, kTogether of them.
HWY_INLINE void quantize_groups(const float* x, const QuantizedGroups& out) {
  const Floats d;
  const hn::Rebind<int32_t, Floats> di;
  const hn::Rebind<int8_t, Floats> db;
  const size_t lanes = std::min(hn::Lanes(d), kGroup);
  float inverses[kTogether];
  find_scales(x, out.scales, inverses);
  FloatVec sums[kTogether];
  for (size_t g = 0; g < kTogether; ++g) {
    sums[g] = hn::Zero(d);
    for (size_t i = g * kGroup; i < (g + 1) * kGroup; i += lanes) {
      const FloatVec q = hn::Round(hn::Mul(hn::LoadU(d, x + i), hn::Set(d, inverses[g])));
      sums[g] = hn::Add(sums[g], q);
      hn::StoreU(hn::DemoteTo(db, hn::ConvertTo(di, q)), db, out.values + i);
    }
  }
  float totals[kTogether];  // exact; NaN where a value is not finite
  sum_lanes(sums[0], sums[1], sums[2], sums[3], totals);
  for (size_t g = 0; g < kTogether; ++g) {
    const bool finite = totals[g] == totals[g];
    out.sums[g] = finite ? static_cast<int32_t>(totals[g]) : 0;
    if (!finite) out.scales[g] = totals[g];
  }
}

void quantize(const float* x, size_t n, const QuantizedGroups& out) {
  constexpr size_t kValues = kTogether * kGroup;
  size_t i = 0;
  for (; i + kValues <= n; i += kValues) {
    const size_t g = i / kGroup;
    quantize_groups(x + i, {out.values + i, out.scales + g, out.sums + g});
  }
  if (i == n) return;
  // The last groups in a copy that is filled with zeros.
  float last[kValues] = {};
  std::copy(x + i, x + n, last);
  int8_t values[kValues];
  float scales[kTogether];
  int32_t sums[kTogether];
  quantize_groups(last, {values, scales, sums});
  const size_t groups = groups_of(n - i);
  std::copy_n(values, groups * kGroup, out.values + i);
  std::copy_n(scales, groups, out.scales + i / kGroup);
  std::copy_n(sums, groups, out.sums + i / kGroup);
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
