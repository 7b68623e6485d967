// A matrix product spread over the threads: what all dense-like layers share.
#pragma once

#include "core/kernels/weight_view.h"
#include "core/matrix.h"
#include "core/threads.h"

namespace terse {

/// y = x w^T + bias. x: [n, d_in], w: [d_out, d_in] contiguous, bias: [d_out] or null, y: [n,
/// d_out]. The same bits for any number of threads and any grouping of positions.
void linear(ConstMatrix x, kernels::WeightView w, const float* bias, Threads& threads, Matrix y);

}  // namespace terse
