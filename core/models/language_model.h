// Language models (Trax: TransformerLM, ConfigurableTransformerLM, ReformerLM).
#pragma once

#include "core/models/model.h"

namespace terse {

/// Blocks of causal attention and feed-forward over one residual stream.
std::unique_ptr<Model> make_transformer_lm(const Params& args, const Weights& weights);

/// The same over two reversible streams; the final LayerNorm and the loss layer see both side by
/// side, 2 d_model features.
std::unique_ptr<Model> make_reformer_lm(const Params& args, const Weights& weights);

}  // namespace terse
