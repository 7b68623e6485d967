// The projection to the vocabulary, which Trax calls the loss layer (Trax: SparseDenseWithOptions;
// paper, section 3.3).
#pragma once

#include "core/layers/layer.h"
#include "core/params.h"
#include "core/weights.h"

namespace terse {

/// d_in -> vocab, of the kind that loss_sparsity_type names (dense, mult, lowrank, einsum, local,
/// local3), with loss_sparsity and loss_d_lowrank from `params`. Throws ModelError.
std::unique_ptr<Layer> make_loss_layer(const Weights& weights, const Params& params, size_t d_in,
                                       size_t vocab);

}  // namespace terse
