// Layer normalisation: the mean, then the mean square of the differences, then the result.
#include "core/kernels/layer_norm.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/layer_norm.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

constexpr float kEpsilon = 1e-6f;

/// sum_i x[i]
float sum_of(const float* x, size_t n) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  FloatVec even = hn::Zero(d);
  FloatVec odd = hn::Zero(d);
  size_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    even = hn::Add(even, hn::LoadU(d, x + i));
    odd = hn::Add(odd, hn::LoadU(d, x + i + lanes));
  }
  for (; i < n; i += lanes) even = hn::Add(even, load_part(d, x + i, std::min(lanes, n - i)));
  return sum_lanes(hn::Add(even, odd));
}

/// sum_i (x[i] - mean)^2
float sum_of_squares(const float* x, size_t n, float mean) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const FloatVec center = hn::Set(d, mean);
  FloatVec even = hn::Zero(d);
  FloatVec odd = hn::Zero(d);
  size_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    const FloatVec a = hn::Sub(hn::LoadU(d, x + i), center);
    const FloatVec b = hn::Sub(hn::LoadU(d, x + i + lanes), center);
    even = hn::MulAdd(a, a, even);
    odd = hn::MulAdd(b, b, odd);
  }
  for (; i < n; i += lanes) {
    const size_t count = std::min(lanes, n - i);
    const FloatVec a =
        hn::IfThenElseZero(hn::FirstN(d, count), hn::Sub(load_part(d, x + i, count), center));
    even = hn::MulAdd(a, a, even);
  }
  return sum_lanes(hn::Add(even, odd));
}

void layer_norm(const float* x, size_t n, const float* scale, const float* bias, bool center,
                float* y) {
  const float count = static_cast<float>(n);
  const float mean = center ? sum_of(x, n) / count : 0.0f;
  const float deviation = std::sqrt(sum_of_squares(x, n, mean) / count + kEpsilon);
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const FloatVec means = hn::Set(d, mean);
  const FloatVec factor = hn::Set(d, 1.0f / deviation);
  for (size_t i = 0; i < n; i += lanes) {
    const size_t part = std::min(lanes, n - i);
    const FloatVec normal = hn::Mul(hn::Sub(load_part(d, x + i, part), means), factor);
    const FloatVec scales = load_part(d, scale + i, part);
    const FloatVec result =
        center ? hn::MulAdd(normal, scales, load_part(d, bias + i, part)) : hn::Mul(normal, scales);
    store_part(d, result, y + i, part);
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(layer_norm);

void layer_norm(const float* x, size_t n, const float* scale, const float* bias, bool center,
                float* y) {
  HWY_DYNAMIC_DISPATCH(layer_norm)(x, n, scale, bias, center, y);
}

}  // namespace terse::kernels
#endif
