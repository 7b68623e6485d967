// Encoder and decoder with cross-attention between them (Trax: Transformer,
// ConfigurableTransformer, Reformer).
#pragma once

#include "core/models/model.h"

namespace terse {

/// An encoder reads the source; the blocks of the decoder attend to the target so far, then to the
/// encoder's vectors. One residual stream on both sides.
std::unique_ptr<Model> make_transformer(const Params& args, const Weights& weights);

/// The same over two reversible streams, which are averaged at the end of either side.
std::unique_ptr<Model> make_reformer(const Params& args, const Weights& weights);

}  // namespace terse
