// The Terraformer (paper, section 4; Trax: ConfigurableTerraformer).
#pragma once

#include "core/models/model.h"

namespace terse {

/// An encoder of reversible blocks reads the source. Its vectors and then the target's go through
/// the decoder's reversible blocks as one causal sequence; the loss layer reads the target's part.
std::unique_ptr<Model> make_terraformer(const Params& args, const Weights& weights);

}  // namespace terse
