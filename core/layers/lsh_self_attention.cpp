#include "core/layers/lsh_self_attention.h"

#include "core/error.h"
#include "core/layers/dense.h"
#include "core/layers/lsh_attention.h"
#include "core/layers/mixed_lsh_attention.h"
#include "core/layers/multiplicative_conv_qkv.h"
#include "core/layers/rotary.h"
#include "core/layers/serial.h"

namespace terse {
namespace {

// Kernel size over positions of the sparse format's convolutions; Trax fixes it.
constexpr size_t kConvLength = 3;

struct LshLayerState : StateList {
  std::unique_ptr<LayerState> clone() const override {
    auto copy = std::make_unique<LshLayerState>();
    for (const auto& part : parts) copy->parts.push_back(part ? part->clone() : nullptr);
    copy->length = length;
    return copy;
  }

  size_t length = 0;
};

std::unique_ptr<Layer> make_dense(const AttentionArgs& args, const char* name, size_t d_in,
                                  size_t d_out, bool bias) {
  return std::make_unique<Dense>(args.weights / name, d_in, d_out,
                                 bias ? Dense::Bias::yes : Dense::Bias::no);
}

std::unique_ptr<SharedQkAttention> make_inner(const std::string& name, const Params& params,
                                              const AttentionArgs& args, const HeadShape& heads) {
  const auto keys = args.weights.uint32s("hash_keys", {args.n_heads, 2});
  const LshConfig config = LshConfig::from(params, heads, args.causal);
  const bool mixed = name == "MixedLSHSelfAttention";
  if (!mixed || params.is_null("std_length")) return std::make_unique<LshAttention>(config, keys);
  return std::make_unique<MixedLshAttention>(config, keys, params.size("std_length", 0));
}

std::unique_ptr<QkvProjection> make_wrapper_qkv(const AttentionArgs& args, bool two, bool bias) {
  const size_t d = args.d_model;
  if (args.params.text("weights_format") == "sparse") {
    return std::make_unique<MultiplicativeConvQkv>(
        args.weights,
        MultiplicativeConvQkv::Config{d, args.params.size("sparsity"), kConvLength, two,
                                      MultiplicativeConvQkv::ValueInput::shared});
  }
  return std::make_unique<SeparateQkv>(make_dense(args, "query", d, d, bias),
                                       two ? nullptr : make_dense(args, "key", d, d, bias),
                                       make_dense(args, "value", d, d, bias));
}

}  // namespace

LshSelfAttention::LshSelfAttention(std::unique_ptr<QkvProjection> qkv,
                                   std::unique_ptr<SharedQkAttention> inner,
                                   std::unique_ptr<Layer> output, size_t d_qk_all, size_t d_v_all,
                                   Positions positions)
    : qkv_(std::move(qkv)),
      inner_(std::move(inner)),
      output_(std::move(output)),
      d_qk_all_(d_qk_all),
      d_v_all_(d_v_all),
      positions_(positions) {}

std::unique_ptr<LayerState> LshSelfAttention::new_state(const StateOptions& options) const {
  auto inner = inner_->new_state(options);
  if (inner == nullptr) return nullptr;  // an encoder's: everything comes in one call
  auto state = std::make_unique<LshLayerState>();
  state->parts.push_back(qkv_->new_state(options));
  state->parts.push_back(std::move(inner));
  state->parts.push_back(output_ ? output_->new_state(options) : nullptr);
  return state;
}

void LshSelfAttention::forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const Matrix qk = work.scratch.matrix(x.rows, d_qk_all_);
  const Matrix k = work.scratch.matrix(x.rows, d_qk_all_);
  const Matrix v = work.scratch.matrix(x.rows, d_v_all_);
  const Matrix attended = output_ ? work.scratch.matrix(x.rows, d_v_all_) : y;

  qkv_->forward(x, part_of(states, 0, work.scratch), work, qk, k, v);
  as_eigen(qk) = (as_eigen(qk) + as_eigen(k)) / 2.0f;
  const LayerStates inner = part_of(states, 1, work.scratch);
  for (size_t i = 0; i < states.size(); ++i) {
    const auto rows = [&](const Matrix& all) { return rows_of_sequence(all, i, states.size()); };
    auto* own = static_cast<LshLayerState*>(states[i]);
    if (positions_ == Positions::rotary) {
      rotate(own != nullptr ? own->length : 0, work.threads, rows(qk));
    }
    if (own != nullptr) own->length += x.rows / states.size();
    inner_->forward(rows(qk), rows(v), inner[i], work, rows(attended));
  }
  if (output_) output_->forward(attended, part_of(states, 2, work.scratch), work, y);
}

std::unique_ptr<Layer> make_lsh_self_attention(const AttentionArgs& args) {
  args.params.expect_only({"chunk_len", "n_chunks_before", "n_chunks_after", "n_hashes",
                           "n_buckets", "predict_mem_len", "predict_drop_len",
                           "max_length_for_buckets", "bias"});
  const HeadShape heads{args.n_heads, args.d_qk, args.d_v};
  const size_t d_qk_all = args.n_heads * args.d_qk;
  const size_t d_v_all = args.n_heads * args.d_v;
  const bool bias = args.params.flag("bias");
  return std::make_unique<LshSelfAttention>(
      std::make_unique<SeparateQkv>(make_dense(args, "query", args.d_model, d_qk_all, bias),
                                    nullptr,
                                    make_dense(args, "value", args.d_model, d_v_all, bias)),
      make_inner("LSHSelfAttention", args.params, args, heads),
      make_dense(args, "output", d_v_all, args.d_model, false), d_qk_all, d_v_all);
}

std::unique_ptr<Layer> make_pure_lsh_wrapper(const AttentionArgs& args) {
  args.params.expect_only({"pure_lsh_implementation", "bias", "num_weights", "sparsity",
                           "weights_format", "rotary_position_emb"});
  const LayerSpec& inner = args.params.layer("pure_lsh_implementation");
  if (inner.name != "PureLSHSelfAttention" && inner.name != "MixedLSHSelfAttention") {
    throw ModelError(args.params.where() + ": pure_lsh_implementation is " + inner.name +
                     "; expected PureLSHSelfAttention or MixedLSHSelfAttention");
  }
  inner.params->expect_only({"chunk_len", "n_chunks_before", "n_chunks_after", "n_hashes",
                             "n_buckets", "predict_mem_len", "predict_drop_len",
                             "max_length_for_buckets", "bias", "std_length"});
  const bool sparse = args.params.word("weights_format", {"model", "sparse"}) == "sparse";
  const bool two = args.params.size("num_weights", 2, 3) == 2;
  const bool bias = args.params.flag("bias");
  // Trax leaves rotary positions out of the sparse format.
  const bool rotary = !sparse && args.params.flag("rotary_position_emb");
  const size_t d_head = head_size(args);
  return std::make_unique<LshSelfAttention>(
      make_wrapper_qkv(args, two, bias),
      make_inner(inner.name, *inner.params, args, {args.n_heads, d_head, d_head}),
      sparse ? nullptr : make_dense(args, "output", args.d_model, args.d_model, bias), args.d_model,
      args.d_model,
      rotary ? LshSelfAttention::Positions::rotary : LshSelfAttention::Positions::none);
}

}  // namespace terse
