#include "core/layers/multiplicative_modular_attention.h"

#include "core/layers/attention.h"
#include "core/layers/multiplicative_modular_dense.h"

namespace terse {

std::unique_ptr<Layer> make_multiplicative_modular_attention(const AttentionArgs& args) {
  args.params.expect_only({"sparsity"});
  return make_projected_attention(args, Mask::causal, [&](const Weights& weights) {
    return std::make_unique<MultiplicativeModularDense>(weights, modules_of(args), args.d_model);
  });
}

}  // namespace terse
