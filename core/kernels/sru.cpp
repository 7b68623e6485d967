// One step of the Simple Recurrent Unit, all units at once.
#include "core/kernels/sru.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/sru.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/math-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

constexpr float kSqrt3 = 1.7320508075688772f;

/// gate * a + (1 - gate) * b
HWY_INLINE FloatVec blend(FloatVec gate, FloatVec a, FloatVec b) {
  return hn::MulAdd(gate, a, hn::Mul(hn::Sub(hn::Set(Floats(), 1.0f), gate), b));
}

void sru_step(const float* gates, const float* x, size_t n, float* cell, float* out) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const FloatVec sqrt3 = hn::Set(d, kSqrt3);
  for (size_t i = 0; i < n; i += lanes) {
    const size_t part = std::min(lanes, n - i);
    const FloatVec r = sigmoid(load_part(d, gates + i, part));
    const FloatVec f = sigmoid(load_part(d, gates + n + i, part));
    const FloatVec y = load_part(d, gates + 2 * n + i, part);
    const FloatVec next = blend(f, load_part(d, cell + i, part), y);
    const FloatVec highway = hn::Mul(load_part(d, x + i, part), sqrt3);
    store_part(d, next, cell + i, part);
    store_part(d, blend(r, next, highway), out + i, part);
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(sru_step);

void sru_step(const float* gates, const float* x, size_t n, float* cell, float* out) {
  HWY_DYNAMIC_DISPATCH(sru_step)(gates, x, n, cell, out);
}

}  // namespace terse::kernels
#endif
