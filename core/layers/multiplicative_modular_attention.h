// Causal attention with multiplicative, then modular projections (Trax:
// MultiplicativeModularCausalAttention).
#pragma once

#include "core/layers/attention_registry.h"

namespace terse {

/// Query, key, value and output are MultiplicativeModularDense layers. Argument: sparsity (modules;
/// null means n_heads).
std::unique_ptr<Layer> make_multiplicative_modular_attention(const AttentionArgs& args);

}  // namespace terse
