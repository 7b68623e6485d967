// The product of one position's gated activations with a matrix of weights that stands as
// [out, in].
#pragma once

#include <cstddef>

#include "core/kernels/read_ahead.h"
#include "core/kernels/weight_view.h"

namespace terse::kernels {

/// y[i, j] = bias[i, j] + sum_k x[k] * gates[i, k] * w[j, k]    for i < modules, j < n
///
/// x: [k]. gates: [modules, k] and w: [n, k], contiguous and of one type, f32 or bf16. y: [modules,
/// n], rows y_stride apart. bias: the same, or null. Every output is summed as by matmul() on rows
/// from multiply(), whatever n is, to the same bits. Asks for `later` meanwhile, where there are
/// modules enough.
void gated_matmul(const float* x, WeightView gates, size_t modules, WeightView w, size_t n,
                  size_t k, const float* bias, float* y, size_t y_stride,
                  const ReadList& later = {});

}  // namespace terse::kernels
