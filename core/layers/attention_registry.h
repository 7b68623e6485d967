// From the name of an attention layer in a configuration to the layer. A new attention layer is
// listed here.
#pragma once

#include <memory>

#include "core/layers/layer.h"
#include "core/params.h"
#include "core/weights.h"

namespace terse {

/// What a model tells each of its attention layers. Trax: the arguments of ApplyAttentionLayer.
struct AttentionArgs {
  size_t d_model;
  size_t n_heads;
  size_t d_qk;  // of one head; layers that take d_feature alone use d_model / n_heads
  size_t d_v;
  bool causal;
  const Params& params;  // the layer's own arguments
  Weights weights;
};

/// d_model / n_heads. Throws ModelError when that is no whole number.
size_t head_size(const AttentionArgs& args);

/// Throws ModelError when a layer that sees only the past stands in an encoder, or one that sees
/// everything in a decoder.
void check_place(const AttentionArgs& args, bool sees_only_the_past);

/// Throws ModelError for a name that is not known.
std::unique_ptr<Layer> make_attention_layer(const std::string& name, const AttentionArgs& args);

}  // namespace terse
