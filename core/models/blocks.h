// The parts that the blocks of all models are made of, built from a model's arguments.
#pragma once

#include <initializer_list>
#include <memory>
#include <string_view>

#include "core/layers/attention_registry.h"
#include "core/layers/layer.h"
#include "core/params.h"
#include "core/weights.h"

namespace terse {

/// How an attention part differs from the layer's own arguments.
struct AttentionPartArgs {
  size_t d_model;
  size_t n_heads;
  size_t d_qk;  // of one head
  size_t d_v;
  bool causal;
  bool center_layernorm = true;
};

/// d_model and n_heads from the model's arguments, with heads of size d_model / n_heads.
AttentionPartArgs attention_part_args(const Params& args, bool causal);

/// y = attention(norm(x)): what a block adds to its stream. Parts: norm, and the attention's own
/// tensors beside it.
std::unique_ptr<Layer> make_attention_part(const AttentionPartArgs& args, const LayerSpec& spec,
                                           const Weights& weights);

/// y = feed_forward(norm(x)), with all options that the model's arguments name.
std::unique_ptr<Layer> make_feed_forward_part(const Params& args, const Weights& weights,
                                              bool center_layernorm = true);

/// Refuses any argument that is neither one that all models have nor in the list.
void expect_model_args(const Params& args, std::initializer_list<std::string_view> own);

}  // namespace terse
