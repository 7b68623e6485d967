// Causal attention with locally connected projections (Trax: ModularCausalAttention).
#pragma once

#include "core/layers/attention_registry.h"

namespace terse {

/// Query, key, value and output are LocallyConnectedDense layers. Arguments: sparsity (modules;
/// null means n_heads), kernel_size (odd).
std::unique_ptr<Layer> make_modular_attention(const AttentionArgs& args);

}  // namespace terse
