// Layer normalisation of one vector (Trax: LayerNorm, epsilon 1e-6 inside the root).
#pragma once

#include <cstddef>

namespace terse::kernels {

/// With center: y = (x - mean) / sqrt(mean((x - mean)^2) + 1e-6) * scale + bias.
/// Without (RMS normalisation): y = x / sqrt(mean(x^2) + 1e-6) * scale; bias is not read.
void layer_norm(const float* x, size_t n, const float* scale, const float* bias, bool center,
                float* y);

}  // namespace terse::kernels
