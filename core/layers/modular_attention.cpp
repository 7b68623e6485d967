#include "core/layers/modular_attention.h"

#include "core/layers/attention.h"
#include "core/layers/locally_connected_dense.h"

namespace terse {

std::unique_ptr<Layer> make_modular_attention(const AttentionArgs& args) {
  args.params.expect_only({"sparsity", "kernel_size"});
  const LocallyConnectedDense::Config config{modules_of(args), args.d_model, args.d_model,
                                             args.params.size("kernel_size", 1, 1024)};
  return make_projected_attention(args, Mask::causal, [&](const Weights& weights) {
    return make_locally_connected_dense(weights, config);
  });
}

}  // namespace terse
