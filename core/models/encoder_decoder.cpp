#include "core/models/encoder_decoder.h"

#include <vector>

#include "core/layers/serial.h"
#include "core/models/blocks.h"
#include "core/models/cross_attention_part.h"
#include "core/models/decoder.h"
#include "core/models/residual_stack.h"
#include "core/models/reversible_stack.h"

namespace terse {
namespace {

using Parts = std::vector<std::unique_ptr<Layer>>;

// Where a stack has its cross-attention.
struct Cross {
  size_t step;
  const CrossAttentionPart* part;  // the stack owns it
};

struct DecoderParts {
  Parts parts;
  std::vector<Cross> crosses;
};

class EncoderDecoder : public Model {
 public:
  EncoderDecoder(TokenEncoder source, std::unique_ptr<Layer> encoder, const LayerNorm& norm,
                 Decoder decoder, std::vector<Cross> crosses, size_t d_model)
      : Model(encoder_decoder_traits(source, decoder.input())),
        source_(std::move(source)),
        encoder_(std::move(encoder)),
        norm_(norm),
        decoder_(std::move(decoder)),
        crosses_(std::move(crosses)),
        d_model_(d_model) {}

  std::unique_ptr<SequenceState> start(std::span<const int32_t> source, const StateOptions& options,
                                       Workspace& work) const override;
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
  TokenEncoder source_;
  std::unique_ptr<Layer> encoder_;
  LayerNorm norm_;
  Decoder decoder_;
  std::vector<Cross> crosses_;
  size_t d_model_;
};

std::unique_ptr<SequenceState> EncoderDecoder::start(std::span<const int32_t> source,
                                                     const StateOptions& options,
                                                     Workspace& work) const {
  source = checked_source(source);
  const Scratch::Frame frame(work.scratch);
  const Matrix x = work.scratch.matrix(source.size(), d_model_);
  const Matrix y = work.scratch.matrix(source.size(), d_model_);
  source_.forward(source, 0, work, x);
  encoder_->forward(x, encoder_->new_state({}).get(), work, y);
  norm_.forward(y, nullptr, work, x);

  auto state = decoder_.new_state(options);
  auto& steps = static_cast<StateList&>(*state->layers);
  for (const Cross& cross : crosses_) {
    steps.parts[cross.step] = cross.part->state_for(x, options, work);
  }
  return state;
}

Parts make_encoder_parts(const Params& args, const Weights& weights) {
  const AttentionPartArgs attention = attention_part_args(args, false);
  const LayerSpec& type = args.layer("encoder_attention_type");
  const size_t n_layers = args.size("n_encoder_layers", 0, 4096);
  Parts parts;
  for (size_t i = 0; i < n_layers; ++i) {
    const Weights block = weights / "encoder" / "layers" / i;
    parts.push_back(make_attention_part(attention, type, block / "attention"));
    parts.push_back(make_feed_forward_part(args, block / "feed_forward"));
  }
  return parts;
}

// `make_cross` makes the cross-attention that has these weights.
template <class MakeCross>
DecoderParts make_decoder_parts(const Params& args, const Weights& weights,
                                const MakeCross& make_cross) {
  const AttentionPartArgs attention = attention_part_args(args, true);
  const LayerSpec& type = args.layer("encoder_decoder_attention_type");
  const size_t n_layers = args.size("n_decoder_layers", 0, 4096);
  DecoderParts made;
  for (size_t i = 0; i < n_layers; ++i) {
    const Weights block = weights / "decoder" / "layers" / i;
    made.parts.push_back(make_attention_part(attention, type, block / "self_attention"));
    const Weights tensors = block / "cross_attention";
    auto cross =
        std::make_unique<CrossAttentionPart>(tensors, attention.d_model, make_cross(tensors));
    made.crosses.push_back({made.parts.size(), cross.get()});
    made.parts.push_back(std::move(cross));
    made.parts.push_back(make_feed_forward_part(args, block / "feed_forward"));
  }
  return made;
}

// Both stacks map [n, d_model] to [n, d_model].
std::unique_ptr<Model> make_encoder_decoder(const Params& args, const Weights& weights,
                                            std::unique_ptr<Layer> encoder,
                                            std::unique_ptr<Layer> decoder,
                                            std::vector<Cross> crosses) {
  const size_t d = args.size("d_model");
  return std::make_unique<EncoderDecoder>(
      make_source_encoder(args, d, weights), std::move(encoder),
      LayerNorm(weights / "encoder" / "norm", d),
      Decoder(args, weights, make_target_encoder(args, d, weights), std::move(decoder), d),
      std::move(crosses), d);
}

}  // namespace

std::unique_ptr<Model> make_transformer(const Params& args, const Weights& weights) {
  expect_model_args(args, {"input_vocab_size", "output_vocab_size", "n_encoder_layers",
                           "n_decoder_layers", "encoder_attention_type",
                           "encoder_decoder_attention_type", "enc_dec_attention_sparsity"});
  DecoderParts decoder = make_decoder_parts(args, weights, [&](const Weights& tensors) {
    return make_cross_attention(tensors, args.size("d_model"), args.size("n_heads"), args);
  });
  return make_encoder_decoder(
      args, weights, std::make_unique<ResidualStack>("encoder", make_encoder_parts(args, weights)),
      std::make_unique<ResidualStack>("decoder", std::move(decoder.parts)),
      std::move(decoder.crosses));
}

std::unique_ptr<Model> make_reformer(const Params& args, const Weights& weights) {
  expect_model_args(
      args, {"input_vocab_size", "output_vocab_size", "n_encoder_layers", "n_decoder_layers",
             "encoder_attention_type", "encoder_decoder_attention_type"});
  DecoderParts decoder = make_decoder_parts(args, weights, [&](const Weights& tensors) {
    return make_enc_dec_attention(tensors, args.size("d_model"), args.size("n_heads"));
  });
  return make_encoder_decoder(
      args, weights,
      std::make_unique<ReversibleLayer>("encoder", make_encoder_parts(args, weights), average),
      std::make_unique<ReversibleLayer>("decoder", std::move(decoder.parts), average),
      std::move(decoder.crosses));
}

}  // namespace terse
