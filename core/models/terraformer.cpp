#include "core/models/terraformer.h"

#include <vector>

#include "core/error.h"
#include "core/layers/dense.h"
#include "core/layers/feed_forward.h"
#include "core/layers/layer_norm.h"
#include "core/layers/loss_layer.h"
#include "core/layers/serial.h"
#include "core/models/blocks.h"
#include "core/models/reversible_stack.h"
#include "core/models/terraformer_sizes.h"
#include "core/models/token_encoder.h"

namespace terse {
namespace {

struct TerraformerState : SequenceState {
  std::unique_ptr<SequenceState> clone() const override {
    auto copy = std::make_unique<TerraformerState>();
    copy->first = first;
    copy->second = second;
    copy->decoder = decoder->clone();
    copy->n_target = n_target;
    return copy;
  }
  size_t bytes() const override {
    return (first.size() + second.size()) * sizeof(float) + decoder->bytes();
  }
  size_t bytes_read() const override { return decoder->bytes_read(); }
  size_t length() const override { return n_target; }

  // The encoder's two streams, [n_source, d_model] each, until the first extend() takes them into
  // the decoder.
  std::vector<float> first, second;
  std::unique_ptr<LayerState> decoder;
  size_t n_target = 0;
};

// The decoder's heads have sizes of their own.
AttentionPartArgs attention_args(const Params& args, const BlockSizes& sizes, bool causal) {
  const size_t d = sizes.d_model;
  const size_t n_heads = args.size("n_heads");
  return {d,
          n_heads,
          causal ? sizes.d_key : d / n_heads,
          causal ? sizes.d_value : d / n_heads,
          causal,
          args.flag("center_layernorm")};
}

std::unique_ptr<Layer> make_ff_part(const Params& args, const BlockSizes& sizes,
                                    const Weights& weights) {
  return make_feed_forward(weights,
                           {sizes.d_model, sizes.d_ff, args.flag("center_layernorm"), args});
}

// Inserts a forgetting Dense after every n_layers_forget entries, as Trax's _ReversibleSerialForget
// does. Entries are the blocks, and the concatenations between them.
class ForgetSchedule {
 public:
  ForgetSchedule(const Params& args, size_t n_entries, size_t d, const Weights& weights)
      : args_(args),
        weights_(weights),
        d_(d),
        every_(args.size("n_layers_forget", 0)),
        left_(n_entries) {}

  // `width` is that of the streams behind the entry.
  void after_entry(ReversibleStack& stack, size_t width) {
    --left_;
    ++since_;
    // A last entry stays with those before it.
    if (every_ == 0 || since_ < every_ || left_ <= 1) return;
    since_ = 0;
    if (!args_.flag("forget_dense")) return;
    if (width != d_) {
      throw ModelError(args_.where() + ": n_layers_forget puts a Dense of " + std::to_string(d_) +
                       " features where the streams have " + std::to_string(width));
    }
    stack.push_forget(std::make_unique<Dense>(weights_ / n_forgets_++, d_, d_));
  }

 private:
  const Params& args_;
  Weights weights_;
  size_t d_;
  size_t every_;
  size_t left_;
  size_t since_ = 0;
  size_t n_forgets_ = 0;
};

class Terraformer : public Model {
 public:
  Terraformer(const Params& args, const Weights& weights)
      : Terraformer(args, terraformer_sizes(args), weights) {}

  std::unique_ptr<SequenceState> start(std::span<const int32_t> source, const StateOptions& options,
                                       Workspace& work) const override;
  void extend(SequenceState& state, std::span<const int32_t> tokens, Workspace& work,
              Matrix logits) const override;
  void extend_all(std::span<SequenceState* const> states, std::span<const int32_t> tokens,
                  Workspace& work, Matrix logits) const override;

 private:
  Terraformer(const Params& args, const TerraformerSizes& sizes, const Weights& weights)
      : Terraformer(args, sizes, weights, make_source_encoder(args, sizes.encoder.d_model, weights),
                    make_target_encoder(args, sizes.encoder.d_model, weights)) {}
  Terraformer(const Params& args, const TerraformerSizes& sizes, const Weights& weights,
              TokenEncoder source, TokenEncoder target);
  Streams new_streams(size_t n, Scratch& scratch) const;
  void read(Streams streams, LayerStates states, Workspace& work, Matrix logits) const;
  void build_encoder(const Params& args, const BlockSizes& sizes, const Weights& weights);
  void build_decoder(const Params& args, const TerraformerSizes& sizes, const Weights& weights);

  size_t d_model_;  // of the embeddings, the encoder and the first decoder block
  size_t d_end_;    // of the decoder's output
  TokenEncoder source_, target_;
  ReversibleStack encoder_{"encoder"};
  std::unique_ptr<Layer> encoder_output_;  // joins the streams of an encoder that is not reversible
  ReversibleStack decoder_{"decoder"};
  LayerNorm norm_;
  std::unique_ptr<Layer> loss_;
};

Terraformer::Terraformer(const Params& args, const TerraformerSizes& sizes, const Weights& weights,
                         TokenEncoder source, TokenEncoder target)
    : Model(encoder_decoder_traits(source, target)),
      d_model_(sizes.encoder.d_model),
      d_end_(sizes.d_end),
      source_(std::move(source)),
      target_(std::move(target)),
      norm_(weights / "decoder" / "norm", d_end_),
      loss_(make_loss_layer(weights / "loss", args, d_end_, target_.vocab())) {
  build_encoder(args, sizes.encoder, weights / "encoder");
  build_decoder(args, sizes, weights / "decoder");
}

void Terraformer::build_encoder(const Params& args, const BlockSizes& sizes,
                                const Weights& weights) {
  const size_t n_layers = args.size("n_encoder_layers", 0, 4096);
  const LayerSpec& attention = args.layer("encoder_attention_type");
  const AttentionPartArgs part = attention_args(args, sizes, false);
  ForgetSchedule forget(args, n_layers, d_model_, weights / "forget");
  for (size_t i = 0; i < n_layers; ++i) {
    const Weights block = weights / "layers" / i;
    encoder_.push_half_residual(make_attention_part(part, attention, block / "attention"));
    encoder_.push_half_residual(make_ff_part(args, sizes, block / "feed_forward"),
                                args.flag("use_two_swaps_per_encoder_block"));
    forget.after_entry(encoder_, d_model_);
  }
  if (args.flag("reversible_encoder")) return;
  auto output = std::make_unique<Serial>();
  output->push(std::make_unique<Dense>(weights / "output", d_model_, d_model_), d_model_);
  output->push(std::make_unique<LayerNorm>(weights / "norm", d_model_), d_model_);
  encoder_output_ = std::move(output);
}

void Terraformer::build_decoder(const Params& args, const TerraformerSizes& sizes,
                                const Weights& weights) {
  const std::vector<LayerSpec> attention = args.layers("encoder_decoder_attention_type");
  const size_t n_attention = args.size("n_decoder_attention_layers", 0, 64);
  size_t n_entries = 0;
  for (const DecoderBlockSizes& block : sizes.decoder) n_entries += 1 + block.doublings;
  ForgetSchedule forget(args, n_entries, d_end_, weights / "forget");
  for (size_t i = 0; i < sizes.decoder.size(); ++i) {
    const DecoderBlockSizes& block_sizes = sizes.decoder[i];
    const Weights block = weights / "layers" / i;
    for (size_t j = 0; j < n_attention; ++j) {
      decoder_.push_half_residual(make_attention_part(attention_args(args, block_sizes, true),
                                                      attention[i % attention.size()],
                                                      block / "attention" / j));
    }
    decoder_.push_half_residual(make_ff_part(args, block_sizes, block / "feed_forward"));
    size_t width = block_sizes.d_model;
    forget.after_entry(decoder_, width);
    for (size_t k = 0; k < block_sizes.doublings; ++k) {
      decoder_.push_concatenate();
      width *= 2;
      forget.after_entry(decoder_, width);
    }
  }
}

std::unique_ptr<SequenceState> Terraformer::start(std::span<const int32_t> source,
                                                  const StateOptions& options,
                                                  Workspace& work) const {
  source = checked_source(source);
  const Scratch::Frame frame(work.scratch);
  auto state = std::make_unique<TerraformerState>();
  state->first.resize(source.size() * d_model_);
  state->second.resize(source.size() * d_model_);
  Streams streams{{state->first.data(), source.size(), d_model_},
                  {state->second.data(), source.size(), d_model_}};
  source_.forward(source, 0, work, streams.first);
  copy(streams.first, streams.second);

  streams = encoder_.forward(streams, encoder_.new_state({}).get(), work);
  if (encoder_output_) {
    const Matrix mean = work.scratch.matrix(source.size(), d_model_);
    average(streams, mean);
    encoder_output_->forward(mean, nullptr, work, streams.first);
    copy(streams.first, streams.second);
  }
  if (streams.first.data != state->first.data()) std::swap(state->first, state->second);

  StateOptions room = options;
  room.capacity += source.size();
  state->decoder = decoder_.new_state(room);
  return state;
}

// For n positions of the decoder, with room for the widest streams.
Streams Terraformer::new_streams(size_t n, Scratch& scratch) const {
  return {scratch.matrix(n, d_end_).middle_cols(0, d_model_),
          scratch.matrix(n, d_end_).middle_cols(0, d_model_)};
}

void Terraformer::extend(SequenceState& sequence, std::span<const int32_t> tokens, Workspace& work,
                         Matrix logits) const {
  check_extend(sequence, tokens);
  auto& state = static_cast<TerraformerState&>(sequence);
  const Scratch::Frame frame(work.scratch);
  const size_t n_source = state.first.size() / d_model_;
  const Streams streams = new_streams(n_source + tokens.size(), work.scratch);
  const Matrix target = streams.first.bottom_rows(tokens.size());
  target_.forward(tokens, state.n_target, work, target);
  copy(target, streams.second.bottom_rows(tokens.size()));
  copy(ConstMatrix(state.first.data(), n_source, d_model_), streams.first.middle_rows(0, n_source));
  copy(ConstMatrix(state.second.data(), n_source, d_model_),
       streams.second.middle_rows(0, n_source));
  state.first = {};
  state.second = {};
  state.n_target += tokens.size();
  read(streams, state.decoder.get(), work, logits);
}

void Terraformer::extend_all(std::span<SequenceState* const> states,
                             std::span<const int32_t> tokens, Workspace& work,
                             Matrix logits) const {
  check_extend_all(states, tokens);
  const Scratch::Frame frame(work.scratch);
  const Streams streams = new_streams(tokens.size(), work.scratch);
  const std::span<LayerState*> layers = work.scratch.pointers<LayerState>(states.size());
  for (size_t i = 0; i < states.size(); ++i) {
    auto& state = static_cast<TerraformerState&>(*states[i]);
    target_.forward(tokens.subspan(i, 1), state.n_target, work, streams.first.middle_rows(i, 1));
    layers[i] = state.decoder.get();
    ++state.n_target;
  }
  copy(streams.first, streams.second);
  read(streams, LayerStates(layers), work, logits);
}

// From the streams of new positions to the logits of the last logits.rows of them.
void Terraformer::read(Streams streams, LayerStates states, Workspace& work, Matrix logits) const {
  const Scratch::Frame frame(work.scratch);
  if (streams.first.rows == 1) work.next = norm_.reads_first().then(loss_->reads_first());
  streams = decoder_.forward(streams, states, work);
  work.next = {};
  const Matrix mean = work.scratch.matrix(logits.rows, d_end_);
  const Matrix normed = work.scratch.matrix(logits.rows, d_end_);
  average(streams.bottom_rows(logits.rows), mean);
  norm_.forward(mean, nullptr, work, normed);
  loss_->forward(normed, nullptr, work, logits);
}

}  // namespace

std::unique_ptr<Model> make_terraformer(const Params& args, const Weights& weights) {
  expect_model_args(
      args, {"input_vocab_size", "output_vocab_size", "n_encoder_layers", "n_decoder_layers",
             "encoder_attention_type", "encoder_decoder_attention_type", "d_attention_key",
             "d_attention_value", "n_decoder_attention_layers", "n_layers_forget", "forget_dense",
             "reversible_encoder", "use_two_swaps_per_encoder_block", "center_layernorm",
             "half_before_layer", "double_after_layer"});
  return std::make_unique<Terraformer>(args, weights);
}

}  // namespace terse
