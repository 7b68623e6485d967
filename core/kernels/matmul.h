// The product of activations with a matrix of weights that stands as [out, in].
#pragma once

#include <cstddef>

#include "core/kernels/read_ahead.h"
#include "core/kernels/weight_view.h"

namespace terse::kernels {

/// y[i, j] = bias[j] + sum_k x[i, k] * w[j, k]    for i < m, j < n
///
/// x: [m, k], rows x_stride floats apart. w: [n, k], contiguous. bias: [n] or null. y: [m, n], rows
/// y_stride apart. Every output is summed in the same order whatever m and n are: a split over rows
/// or outputs, and one position at a time or many, give the same bits. With several rows, asks for
/// `later` meanwhile.
void matmul(const float* x, size_t x_stride, size_t m, WeightView w, size_t n, size_t k,
            const float* bias, float* y, size_t y_stride, const ReadList& later = {});

}  // namespace terse::kernels
