#include "core/layers/attention_registry.h"

#include "core/error.h"
#include "core/layers/attention.h"
#include "core/layers/conv_attention.h"
#include "core/layers/favor.h"
#include "core/layers/low_rank_attention.h"
#include "core/layers/lsh_self_attention.h"
#include "core/layers/modular_attention.h"
#include "core/layers/multiplicative_attention.h"
#include "core/layers/multiplicative_conv_attention.h"
#include "core/layers/multiplicative_modular_attention.h"
#include "core/layers/self_attention.h"

namespace terse {
namespace {

struct Entry {
  const char* name;
  std::unique_ptr<Layer> (*make)(const AttentionArgs&);
};

constexpr Entry kAttentionLayers[] = {
    {"Attention", make_attention},
    {"CausalAttention", make_causal_attention},
    {"CausalFavor", make_causal_favor},
    {"ConvCausalAttention", make_conv_attention},
    {"Favor", make_favor},
    {"LSHSelfAttention", make_lsh_self_attention},
    {"LowRankCausalAttention", make_low_rank_attention},
    {"ModularCausalAttention", make_modular_attention},
    {"MultiplicativeCausalAttention", make_multiplicative_attention},
    {"MultiplicativeConvCausalAttention", make_multiplicative_conv_attention},
    {"MultiplicativeModularCausalAttention", make_multiplicative_modular_attention},
    {"PureLSHSelfAttentionWrapper", make_pure_lsh_wrapper},
    {"SelfAttention", make_self_attention},
};

}  // namespace

size_t head_size(const AttentionArgs& args) {
  if (args.n_heads == 0 || args.d_model % args.n_heads != 0) {
    throw ModelError(args.params.where() + ": d_model " + std::to_string(args.d_model) +
                     " is no multiple of n_heads " + std::to_string(args.n_heads));
  }
  return args.d_model / args.n_heads;
}

void check_place(const AttentionArgs& args, bool sees_only_the_past) {
  if (args.causal == sees_only_the_past) return;
  throw ModelError(args.params.where() + (args.causal ? " looks at all positions and cannot decode"
                                                      : " looks back only and cannot encode"));
}

std::unique_ptr<Layer> make_attention_layer(const std::string& name, const AttentionArgs& args) {
  for (const Entry& entry : kAttentionLayers) {
    if (name == entry.name) return entry.make(args);
  }
  throw ModelError("unknown attention layer '" + name + "'");
}

}  // namespace terse
