// Multi-head softmax attention (Trax: Attention, CausalAttention, ConfigurableAttention).
#pragma once

#include <functional>

#include "core/layers/attention_registry.h"
#include "core/layers/dot_product_attention.h"
#include "core/layers/layer.h"
#include "core/layers/qkv.h"

namespace terse {

/// y = output(attend(q, k, v)) with q, k, v = qkv(x). Causal over what the sequence has seen; or,
/// in an encoder, over the whole sequence, which then has to come in one call.
class Attention : public Layer {
 public:
  /// Without an output layer, y is the heads' vectors one behind the other.
  Attention(std::unique_ptr<QkvProjection> qkv, std::unique_ptr<Layer> output,
            const HeadShape& heads, Mask mask);

  std::unique_ptr<LayerState> new_state(const StateOptions& options) const override;
  void forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const override;
  kernels::ReadList reads_first() const override;

 private:
  // y: the heads' vectors, before the output layer.
  void attend(ConstMatrix x, LayerStates states, Workspace& work, Matrix q, Matrix k, Matrix v,
              Matrix y) const;
  void attend_one(ConstMatrix x, LayerState* state, Workspace& work, Matrix q, Matrix k, Matrix v,
                  Matrix y) const;

  std::unique_ptr<QkvProjection> qkv_;
  std::unique_ptr<Layer> output_;
  HeadShape heads_;
  Mask mask_;
};

/// Attention whose query, key, value and output are four layers of one kind, d_model to d_model
/// each (Trax: ConfigurableAttention). `make` builds one from its weights.
std::unique_ptr<Layer> make_projected_attention(
    const AttentionArgs& args, Mask mask,
    const std::function<std::unique_ptr<Layer>(const Weights&)>& make);

/// The number of modules of a layer: its argument `sparsity`, n_heads where that is null.
size_t modules_of(const AttentionArgs& args);

/// Trax's Attention and CausalAttention: query, key, value and output are Dense layers.
std::unique_ptr<Layer> make_attention(const AttentionArgs& args);
std::unique_ptr<Layer> make_causal_attention(const AttentionArgs& args);

}  // namespace terse
