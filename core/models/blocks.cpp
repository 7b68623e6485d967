#include "core/models/blocks.h"

#include <vector>

#include "core/layers/feed_forward.h"
#include "core/layers/layer_norm.h"
#include "core/layers/serial.h"

namespace terse {

AttentionPartArgs attention_part_args(const Params& args, bool causal) {
  const size_t d = args.size("d_model");
  const size_t n_heads = args.size("n_heads");
  return {d, n_heads, d / n_heads, d / n_heads, causal};
}

std::unique_ptr<Layer> make_attention_part(const AttentionPartArgs& args, const LayerSpec& spec,
                                           const Weights& weights) {
  auto part = std::make_unique<Serial>();
  part->push(std::make_unique<LayerNorm>(weights / "norm", args.d_model, args.center_layernorm),
             args.d_model);
  part->push(make_attention_layer(spec.name, {args.d_model, args.n_heads, args.d_qk, args.d_v,
                                              args.causal, *spec.params, weights}),
             args.d_model);
  return part;
}

std::unique_ptr<Layer> make_feed_forward_part(const Params& args, const Weights& weights,
                                              bool center_layernorm) {
  return make_feed_forward(weights,
                           {args.size("d_model"), args.size("d_ff"), center_layernorm, args});
}

void expect_model_args(const Params& args, std::initializer_list<std::string_view> own) {
  std::vector<std::string_view> names{"d_model",       "d_ff",          "n_heads",
                                      "max_len",       "positions",     "ff_activation",
                                      "ff_sparsity",   "ff_use_sru",    "loss_sparsity_type",
                                      "loss_sparsity", "loss_d_lowrank"};
  names.insert(names.end(), own);
  args.expect_only(names);
}

}  // namespace terse
