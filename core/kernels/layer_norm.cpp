// Layer normalisation: of each part the mean, then the squares of the differences; then the result.
#include "core/kernels/layer_norm.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/read_ahead.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/layer_norm.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

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

Moments moments_of(const float* x, size_t n, bool center) {
  const float mean = center ? sum_of(x, n) / static_cast<float>(n) : 0.0f;
  return {mean, sum_of_squares(x, n, mean)};
}

template <bool kWithBias>
void normalise_with(const float* x, size_t n, const Norm& norm, const float* scale,
                    const float* bias, float* y) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const FloatVec means = hn::Set(d, norm.mean);
  const FloatVec factor = hn::Set(d, norm.factor);
  for (size_t i = 0; i < n; i += lanes) {
    const size_t part = std::min(lanes, n - i);
    const FloatVec normal = hn::Mul(hn::Sub(load_part(d, x + i, part), means), factor);
    const FloatVec scales = load_part(d, scale + i, part);
    const FloatVec result = kWithBias ? hn::MulAdd(normal, scales, load_part(d, bias + i, part))
                                      : hn::Mul(normal, scales);
    store_part(d, result, y + i, part);
  }
}

void normalise(const float* x, size_t n, const Norm& norm, const float* scale, const float* bias,
               float* y) {
  if (bias == nullptr) return normalise_with<false>(x, n, norm, scale, bias, y);
  normalise_with<true>(x, n, norm, scale, bias, y);
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
namespace {

constexpr float kEpsilon = 1e-6f;

/// Adds up the moments of parts (Chan, Golub and LeVeque 1979): those of each lie around its own
/// mean.
class SumOfMoments {
 public:
  void add(const Moments& part, size_t n) {
    const float difference = part.mean - mean_;
    const size_t count = count_ + n;
    const float share = float(n) / float(count);
    mean_ += difference * share;
    // In this order: the first part adds 0, however large its mean is.
    squares_ += part.squares + share * float(count_) * difference * difference;
    count_ = count;
  }
  Norm norm() const {
    const float deviation = std::sqrt(squares_ / float(count_) + kEpsilon);
    return {mean_, 1.0f / deviation};
  }

 private:
  size_t count_ = 0;
  float mean_ = 0;
  float squares_ = 0;
};

}  // namespace

HWY_EXPORT(moments_of);
HWY_EXPORT(normalise);

Moments moments_of(const float* x, size_t n, bool center) {
  return HWY_DYNAMIC_DISPATCH(moments_of)(x, n, center);
}

Norm norm_of(std::span<const Moments> parts, size_t n) {
  SumOfMoments sum;
  for (size_t i = 0; i < parts.size(); ++i) {
    sum.add(parts[i], std::min(kNormPart, n - i * kNormPart));
  }
  return sum.norm();
}

void normalise(const float* x, size_t n, const Norm& norm, const float* scale, const float* bias,
               float* y) {
  HWY_DYNAMIC_DISPATCH(normalise)(x, n, norm, scale, bias, y);
}

void layer_norm(const float* x, size_t n, const float* scale, const float* bias, bool center,
                float* y) {
  // While the moments are summed these come from memory.
  for (size_t i = 0; i < n; i += kLineBytes / sizeof(float)) {
    prefetch_near(scale + i);
    if (center) prefetch_near(bias + i);
  }
  SumOfMoments sum;
  for (size_t i = 0; i < n; i += kNormPart) {
    const size_t part = std::min(kNormPart, n - i);
    sum.add(moments_of(x + i, part, center), part);
  }
  normalise(x, n, sum.norm(), scale, center ? bias : nullptr, y);
}

}  // namespace terse::kernels
#endif
