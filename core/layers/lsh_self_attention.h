// LSH attention with its projections (Reformer, arXiv 2001.04451; Trax: LSHSelfAttention,
// PureLSHSelfAttentionWrapper).
#pragma once

#include "core/layers/attention_registry.h"
#include "core/layers/layer.h"
#include "core/layers/qkv.h"
#include "core/layers/shared_qk_attention.h"

namespace terse {

/// y = output(attend((q + k) / 2, v)) with q, k, v = qkv(x); the queries and keys are one.
class LshSelfAttention : public Layer {
 public:
  enum class Positions { none, rotary };

  /// Without an output layer, y is the heads' vectors one behind the other.
  LshSelfAttention(std::unique_ptr<QkvProjection> qkv, std::unique_ptr<SharedQkAttention> inner,
                   std::unique_ptr<Layer> output, size_t d_qk_all, size_t d_v_all,
                   Positions positions = Positions::none);

  std::unique_ptr<LayerState> new_state(const StateOptions& options) const override;
  void forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const override;

 private:
  std::unique_ptr<QkvProjection> qkv_;
  std::unique_ptr<SharedQkAttention> inner_;
  std::unique_ptr<Layer> output_;
  size_t d_qk_all_;  // of all heads
  size_t d_v_all_;
  Positions positions_;
};

/// One Dense for queries and keys, one for values. Arguments: those of LshConfig, bias,
/// max_length_for_buckets (of no effect here). Tensors: query, value, output, hash_keys [heads, 2].
std::unique_ptr<Layer> make_lsh_self_attention(const AttentionArgs& args);

/// Arguments: pure_lsh_implementation (PureLSHSelfAttention or MixedLSHSelfAttention), num_weights
/// (2; or 3: queries and keys are averaged), weights_format (model: Dense layers; sparse: as in
/// MultiplicativeConvCausalAttention, without an output layer), sparsity, bias,
/// rotary_position_emb.
std::unique_ptr<Layer> make_pure_lsh_wrapper(const AttentionArgs& args);

}  // namespace terse
