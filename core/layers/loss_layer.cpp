#include "core/layers/loss_layer.h"

#include "core/error.h"
#include "core/layers/dense.h"
#include "core/layers/factored_dense.h"
#include "core/layers/locally_connected_dense.h"
#include "core/layers/low_rank_dense.h"

namespace terse {

std::unique_ptr<Layer> make_loss_layer(const Weights& weights, const Params& params, size_t d_in,
                                       size_t vocab) {
  const std::string& type = params.text("loss_sparsity_type");
  if (type == "dense" || type == "einsum") return std::make_unique<Dense>(weights, d_in, vocab);
  if (type == "mult") {
    return std::make_unique<FactoredDense>(weights, params.size("loss_sparsity"), d_in, vocab);
  }
  if (type == "lowrank") {
    return make_low_rank_dense(weights, d_in, params.size("loss_d_lowrank"), vocab);
  }
  if (type == "local" || type == "local3") {
    const size_t width = type == "local" ? 1 : 3;
    return make_locally_connected_dense(weights,
                                        {params.size("loss_sparsity"), d_in, vocab, width});
  }
  throw ModelError(params.where() + ": unknown loss_sparsity_type '" + type + "'");
}

}  // namespace terse
