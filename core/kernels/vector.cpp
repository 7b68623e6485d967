// Small loops over vectors of floats.
#include "core/kernels/vector.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/vector.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/argmax-inl.h"
#include "core/kernels/math-inl.h"
#include "core/kernels/rows-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

void add(const float* x, size_t n, float* y) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(hn::Add(hn::LoadU(d, y + i), hn::LoadU(d, x + i)), d, y + i);
  }
  for (; i < n; ++i) y[i] += x[i];
}

void multiply(const float* x, WeightView w, size_t n, float* out) {
  with_rows(w, n, [&](const auto& rows) {
    const Floats d;
    const size_t lanes = hn::Lanes(d);
    const auto row = rows[0];
    size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
      hn::StoreU(hn::Mul(hn::LoadU(d, x + i), load(d, row + i)), d, out + i);
    }
    if (i < n) {
      const FloatVec last = hn::Mul(load_part(d, x + i, n - i), load_part(d, row + i, n - i));
      store_part(d, last, out + i, n - i);
    }
  });
}

void widen(WeightView w, size_t n, float* out) {
  with_rows(w, n, [&](const auto& rows) {
    const Floats d;
    const size_t lanes = hn::Lanes(d);
    const auto row = rows[0];
    size_t i = 0;
    for (; i + lanes <= n; i += lanes) hn::StoreU(load(d, row + i), d, out + i);
    if (i < n) store_part(d, load_part(d, row + i, n - i), out + i, n - i);
  });
}

size_t argmax(const float* x, size_t n) {
  return first_of_largest(x, n);
}

float log_sum_exp(const float* x, size_t n) {
  const float largest = max_of(x, n);
  // All -infinity (or NaN): the differences below would be NaN; the sum says it as it is.
  if (!std::isfinite(largest)) {
    float sum = 0.0f;
    for (size_t i = 0; i < n; ++i) sum += std::exp(x[i]);
    return std::log(sum);
  }
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const FloatVec shift = hn::Set(d, largest);
  FloatVec sum = hn::Zero(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    sum = hn::Add(sum, exp(hn::Sub(hn::LoadU(d, x + i), shift)));
  }
  if (i < n) {
    const FloatVec part = exp(hn::Sub(load_part(d, x + i, n - i), shift));
    sum = hn::Add(sum, hn::IfThenElseZero(hn::FirstN(d, n - i), part));
  }
  return largest + std::log(sum_lanes(sum));
}

void softmax_weights(const float* x, size_t n, float temperature, float* out) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const FloatVec shift = hn::Set(d, max_of(x, n));
  const FloatVec divisor = hn::Set(d, temperature);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const FloatVec difference = hn::Sub(hn::LoadU(d, x + i), shift);
    hn::StoreU(exp(hn::Div(difference, divisor)), d, out + i);
  }
  if (i < n) {
    const FloatVec difference = hn::Sub(load_part(d, x + i, n - i), shift);
    store_part(d, exp(hn::Div(difference, divisor)), out + i, n - i);
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(add);
HWY_EXPORT(multiply);
HWY_EXPORT(widen);
HWY_EXPORT(argmax);
HWY_EXPORT(log_sum_exp);
HWY_EXPORT(softmax_weights);

void add(const float* x, size_t n, float* y) {
  HWY_DYNAMIC_DISPATCH(add)(x, n, y);
}

void multiply(const float* x, WeightView w, size_t n, float* out) {
  HWY_DYNAMIC_DISPATCH(multiply)(x, w, n, out);
}

void widen(WeightView w, size_t n, float* out) {
  HWY_DYNAMIC_DISPATCH(widen)(w, n, out);
}

size_t argmax(const float* x, size_t n) {
  return HWY_DYNAMIC_DISPATCH(argmax)(x, n);
}

float log_sum_exp(const float* x, size_t n) {
  return HWY_DYNAMIC_DISPATCH(log_sum_exp)(x, n);
}

void softmax_weights(const float* x, size_t n, float temperature, float* out) {
  HWY_DYNAMIC_DISPATCH(softmax_weights)(x, n, temperature, out);
}

}  // namespace terse::kernels
#endif
