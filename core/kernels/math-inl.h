// exp, tanh and their relatives over vectors, right for every float: Highway's own functions leave
// infinities, NaN and overflow outside their range. Compiled once for each instruction set, hence
// no
// `#pragma once`.
#if defined(TERSE_CORE_KERNELS_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TERSE_CORE_KERNELS_MATH_INL_H_
#undef TERSE_CORE_KERNELS_MATH_INL_H_
#else
#define TERSE_CORE_KERNELS_MATH_INL_H_
#endif

#include <algorithm>

#include <hwy/contrib/math/math-inl.h>

#include "core/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

/// y, but NaN where x is NaN.
HWY_INLINE FloatVec or_nan(FloatVec x, FloatVec y) {
  return hn::IfThenElse(hn::Eq(x, x), y, x);
}

HWY_INLINE FloatVec clamp(FloatVec x, float low, float high) {
  const Floats d;
  return hn::Min(hn::Max(x, hn::Set(d, low)), hn::Set(d, high));
}

/// e^x: infinity from 88.73 up, 0 below -104, NaN of NaN.
HWY_INLINE FloatVec exp(FloatVec x) {
  return or_nan(x, hn::Exp(Floats(), clamp(x, -105.0f, 104.0f)));
}

/// e^x - 1.
HWY_INLINE FloatVec expm1(FloatVec x) {
  return or_nan(x, hn::Expm1(Floats(), clamp(x, -105.0f, 104.0f)));
}

HWY_INLINE FloatVec tanh(FloatVec x) {
  return or_nan(x, hn::Tanh(Floats(), clamp(x, -20.0f, 20.0f)));
}

/// 1 / (1 + e^-x)
HWY_INLINE FloatVec sigmoid(FloatVec x) {
  const auto one = hn::Set(Floats(), 1.0f);
  return hn::Div(one, hn::Add(one, exp(hn::Neg(x))));
}

/// scores[j] = exp(scores[j] - shift); returns their sum.
HWY_INLINE float exponentials(float shift, size_t count, float* scores) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const FloatVec shifts = hn::Set(d, shift);
  FloatVec sum = hn::Zero(d);
  for (size_t j = 0; j < count; j += lanes) {
    const size_t part = std::min(lanes, count - j);
    const FloatVec weights = hn::IfThenElseZero(
        hn::FirstN(d, part), exp(hn::Sub(load_part(d, scores + j, part), shifts)));
    store_part(d, weights, scores + j, part);
    sum = hn::Add(sum, weights);
  }
  return sum_lanes(sum);
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
