// One step of the Simple Recurrent Unit (Trax: SRU, ScanSRUCell).
#pragma once

#include <cstddef>

namespace terse::kernels {

/// r, f = sigmoid(gates[0:n]), sigmoid(gates[n:2n]); y = gates[2n:3n]
/// cell = f * cell + (1 - f) * y;  out = r * cell + (1 - r) * x * sqrt(3)
///
/// gates: [3n]. x, out: [n] (out may be x). cell: [n], updated.
void sru_step(const float* gates, const float* x, size_t n, float* cell, float* out);

}  // namespace terse::kernels
