// Small loops over vectors of floats.
#pragma once

#include <cstddef>

#include "core/kernels/weight_view.h"

namespace terse::kernels {

/// y[i] += x[i]
void add(const float* x, size_t n, float* y);

/// out[i] = x[i] * w[i]
void multiply(const float* x, WeightView w, size_t n, float* out);

/// out[i] = float(w[i]): one row of an embedding, say.
void widen(WeightView w, size_t n, float* out);

/// Index of the largest value, the first on ties; NaN never wins. n >= 1.
size_t argmax(const float* x, size_t n);

/// log(sum_i exp(x[i])), without overflow. n >= 1.
float log_sum_exp(const float* x, size_t n);

/// Softmax at a temperature above 0, up to a common factor: out[i] = exp((x[i] - largest x) /
/// temperature). x may hold -infinity (0 comes of it), but one finite value at least. n >= 1.
void softmax_weights(const float* x, size_t n, float temperature, float* out);

}  // namespace terse::kernels
