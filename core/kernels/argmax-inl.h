// The index of the largest of some floats. Compiled once for each instruction set, hence no
// `#pragma once`.
#if defined(TERSE_CORE_KERNELS_ARGMAX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TERSE_CORE_KERNELS_ARGMAX_INL_H_
#undef TERSE_CORE_KERNELS_ARGMAX_INL_H_
#else
#define TERSE_CORE_KERNELS_ARGMAX_INL_H_
#endif

#include <algorithm>
#include <limits>

#include "core/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

/// The largest of n values other than NaN; -infinity if there is none.
HWY_INLINE float max_of(const float* x, size_t n) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  float best = -std::numeric_limits<float>::infinity();
  size_t i = 0;
  const auto larger = [&](FloatVec v, FloatVec other) {
    return hn::IfThenElse(hn::Gt(v, other), v, other);
  };
  if (n >= lanes) {
    FloatVec even = hn::Set(d, best);
    FloatVec odd = even;
    for (; i + 2 * lanes <= n; i += 2 * lanes) {
      even = larger(hn::LoadU(d, x + i), even);
      odd = larger(hn::LoadU(d, x + i + lanes), odd);
    }
    for (; i + lanes <= n; i += lanes) even = larger(hn::LoadU(d, x + i), even);
    best = hn::GetLane(hn::MaxOfLanes(d, larger(odd, even)));
  }
  for (; i < n; ++i) best = x[i] > best ? x[i] : best;
  return best;
}

/// The first index of `value`, or n.
HWY_INLINE size_t index_of(float value, const float* x, size_t n) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const FloatVec wanted = hn::Set(d, value);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const intptr_t found = hn::FindFirstTrue(d, hn::Eq(hn::LoadU(d, x + i), wanted));
    if (found >= 0) return i + static_cast<size_t>(found);
  }
  while (i < n && x[i] != value) ++i;
  return i;
}

/// The first index of the largest value; NaN never wins; 0 if all are NaN.
HWY_INLINE size_t first_of_largest(const float* x, size_t n) {
  const size_t index = index_of(max_of(x, n), x, n);
  return index == n ? 0 : index;
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
