// The feed-forward part of a block with all its options (Trax: FeedForwardWithOptions).
#pragma once

#include <optional>

#include "core/layers/layer.h"
#include "core/params.h"
#include "core/weights.h"

namespace terse {

/// What the models' arguments say of their feed-forward layers.
struct FeedForwardArgs {
  size_t d_model;
  size_t d_ff;
  bool center_layernorm = true;
  const Params& params;  // the model's: ff_activation, ff_sparsity, ff_use_sru
};

/// y = ff(norm(x)), or, with an SRU branch, ff(norm(x)) + out(sru(in(norm(x)))).
///
/// Parts: norm, the feed-forward layer's own tensors, and sru.{norm, in, layers.K, out}. Throws
/// ModelError.
std::unique_ptr<Layer> make_feed_forward(const Weights& weights, const FeedForwardArgs& args);

}  // namespace terse
