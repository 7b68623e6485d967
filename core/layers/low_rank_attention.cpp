#include "core/layers/low_rank_attention.h"

#include "core/layers/attention.h"
#include "core/layers/low_rank_dense.h"

namespace terse {

std::unique_ptr<Layer> make_low_rank_attention(const AttentionArgs& args) {
  args.params.expect_only({"lowrank"});
  const size_t rank = args.params.size("lowrank");
  return make_projected_attention(args, Mask::causal, [&](const Weights& weights) {
    return make_low_rank_dense(weights, args.d_model, rank, args.d_model);
  });
}

}  // namespace terse
