// The product of quantised activations with a quantised matrix in panels.
#pragma once

#include <cstddef>

#include "core/kernels/quantize.h"
#include "core/kernels/read_ahead.h"
#include "core/kernels/weight_view.h"

namespace terse::kernels {

/// y[i, j] = bias[j] + sum_k x[i, k] * w[j, k]    for begin <= i < end, j < n
///
/// w: a matrix in panels of x.taps * x.groups whole groups; `w` may start at any panel. bias: [n]
/// or null. y: [x.m, n], rows y_stride apart. Every output is summed in the same order whatever the
/// ranges: integers within a group, then the groups in ascending order. With several rows, asks for
/// `later` meanwhile.
void quantized_matmul(const QuantizedRows& x, size_t begin, size_t end, WeightView w, size_t n,
                      const float* bias, float* y, size_t y_stride, const ReadAhead& later = {});

}  // namespace terse::kernels
