// Causal attention with multiplicative projections (paper, section 3.2; Trax:
// MultiplicativeCausalAttention).
#pragma once

#include "core/layers/attention_registry.h"

namespace terse {

/// Query, key, value and output are FactoredDense layers. Argument: sparsity (modules; null means
/// n_heads).
std::unique_ptr<Layer> make_multiplicative_attention(const AttentionArgs& args);

}  // namespace terse
