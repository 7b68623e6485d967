// Causal attention with convolutions over the modules (Trax: ConvCausalAttention).
#pragma once

#include "core/layers/attention_registry.h"

namespace terse {

/// Query, key, value and output are LocallyConvDense layers that look at one position. Arguments:
/// sparsity (modules; null means n_heads), kernel_size (odd).
std::unique_ptr<Layer> make_conv_attention(const AttentionArgs& args);

}  // namespace terse
