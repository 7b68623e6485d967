// The pointwise non-linearities of Trax (trax/layers/activation_fns.py).
#pragma once

#include <cstddef>

namespace terse::kernels {

enum class Activation { relu, gelu, fast_gelu, sigmoid, tanh, hard_sigmoid, elu, selu, softplus };

/// x[i] = f(x[i])
void activate(Activation kind, float* x, size_t n);

}  // namespace terse::kernels
