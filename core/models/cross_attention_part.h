// The part of a decoder's block that attends to the encoder's vectors.
#pragma once

#include <memory>

#include "core/layers/cross_attention.h"
#include "core/layers/layer.h"
#include "core/layers/layer_norm.h"

namespace terse {

/// y = attention(norm(x), e). Its state comes from the encoder's vectors e, when a sequence starts.
class CrossAttentionPart : public Layer {
 public:
  /// Tensors: norm.*, and the attention's own beside it.
  CrossAttentionPart(const Weights& weights, size_t d_model,
                     std::unique_ptr<CrossAttention> attention)
      : norm_(weights / "norm", d_model), attention_(std::move(attention)) {}

  /// e: [n_source, d_model].
  std::unique_ptr<LayerState> state_for(ConstMatrix e, const StateOptions& options,
                                        Workspace& work) const {
    return attention_->new_state(e, options, work);
  }

  void forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const override {
    const Scratch::Frame frame(work.scratch);
    const Matrix normed = work.scratch.matrix(x.rows, x.cols);
    norm_.forward(x, nullptr, work, normed);
    attention_->forward(normed, states, work, y);
  }

  kernels::ReadList reads_first() const override {
    return norm_.reads_first().then(attention_->reads_first());
  }

 private:
  LayerNorm norm_;
  std::unique_ptr<CrossAttention> attention_;
};

}  // namespace terse
