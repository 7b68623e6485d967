// Causal attention with the paper's sparse QKV (section 3.2; Trax:
// MultiplicativeConvCausalAttention).
#pragma once

#include "core/layers/attention_registry.h"

namespace terse {

/// MultiplicativeConvQkv, then attention, then the sparse layers that `output_layer_type` names, or
/// none.
///
/// Arguments: sparsity (modules; null means n_heads), length_kernel_size, share_qk,
/// output_layer_type (none, mult, conv, multconv), v_concat_type (none, fixed, original). Extra
/// parts: output_mult, output_conv.
std::unique_ptr<Layer> make_multiplicative_conv_attention(const AttentionArgs& args);

}  // namespace terse
