#include "core/models/language_model.h"

#include "core/models/blocks.h"
#include "core/models/decoder.h"
#include "core/models/residual_stack.h"
#include "core/models/reversible_stack.h"

namespace terse {
namespace {

class LanguageModel : public Model {
 public:
  explicit LanguageModel(Decoder decoder)
      : Model({.target_vocab = decoder.input().vocab(), .max_target = decoder.input().max_len()}),
        decoder_(std::move(decoder)) {}

  std::unique_ptr<SequenceState> start(std::span<const int32_t> source, const StateOptions& options,
                                       Workspace&) const override {
    checked_source(source);
    return decoder_.new_state(options);
  }

  void extend(SequenceState& state, std::span<const int32_t> tokens, Workspace& work,
              Matrix logits) const override {
    check_extend(state, tokens);
    decoder_.extend(static_cast<DecoderState&>(state), tokens, work, logits);
  }
  void extend_all(std::span<SequenceState* const> states, std::span<const int32_t> tokens,
                  Workspace& work, Matrix logits) const override {
    check_extend_all(states, tokens);
    decoder_.extend_all(states, tokens, work, logits);
  }

 private:
  Decoder decoder_;
};

// The parts of all blocks, in order.
std::vector<std::unique_ptr<Layer>> make_parts(const Params& args,
                                               const AttentionPartArgs& attention,
                                               const Weights& weights) {
  const std::vector<LayerSpec> types = args.layers("attention_type");
  const size_t n_layers = args.size("n_layers", 0, 4096);
  std::vector<std::unique_ptr<Layer>> parts;
  for (size_t i = 0; i < n_layers; ++i) {
    const Weights block = weights / "decoder" / "layers" / i;
    parts.push_back(make_attention_part(attention, types[i % types.size()], block / "attention"));
    parts.push_back(make_feed_forward_part(args, block / "feed_forward"));
  }
  return parts;
}

std::unique_ptr<Model> make_language_model(const Params& args, const Weights& weights,
                                           std::unique_ptr<Layer> stack, size_t d_out) {
  TokenEncoder input(args, args.size("d_model"), weights / "embedding", args.size("vocab_size"),
                     weights / "positions");
  return std::make_unique<LanguageModel>(
      Decoder(args, weights, std::move(input), std::move(stack), d_out));
}

}  // namespace

std::unique_ptr<Model> make_transformer_lm(const Params& args, const Weights& weights) {
  expect_model_args(args, {"vocab_size", "n_layers", "attention_type"});
  auto stack = std::make_unique<ResidualStack>(
      "decoder", make_parts(args, attention_part_args(args, true), weights));
  return make_language_model(args, weights, std::move(stack), args.size("d_model"));
}

std::unique_ptr<Model> make_reformer_lm(const Params& args, const Weights& weights) {
  expect_model_args(
      args, {"vocab_size", "n_layers", "attention_type", "d_attention_key", "d_attention_value"});
  AttentionPartArgs attention = attention_part_args(args, true);
  attention.d_qk = args.size("d_attention_key");
  attention.d_v = args.size("d_attention_value");
  auto stack = std::make_unique<ReversibleLayer>("decoder", make_parts(args, attention, weights),
                                                 concatenate);
  return make_language_model(args, weights, std::move(stack), 2 * args.size("d_model"));
}

}  // namespace terse
