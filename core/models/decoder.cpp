#include "core/models/decoder.h"

#include "core/layers/loss_layer.h"

namespace terse {

std::unique_ptr<SequenceState> DecoderState::clone() const {
  auto copy = std::make_unique<DecoderState>();
  copy->layers = layers->clone();
  copy->n_target = n_target;
  return copy;
}

Decoder::Decoder(const Params& args, const Weights& weights, TokenEncoder input,
                 std::unique_ptr<Layer> stack, size_t d_out)
    : input_(std::move(input)),
      stack_(std::move(stack)),
      d_model_(args.size("d_model")),
      d_out_(d_out),
      norm_(weights / "decoder" / "norm", d_out),
      loss_(make_loss_layer(weights / "loss", args, d_out, input_.vocab())) {}

std::unique_ptr<DecoderState> Decoder::new_state(const StateOptions& options) const {
  auto state = std::make_unique<DecoderState>();
  state->layers = stack_->new_state(options);
  return state;
}

void Decoder::extend(DecoderState& state, std::span<const int32_t> tokens, Workspace& work,
                     Matrix logits) const {
  const Scratch::Frame frame(work.scratch);
  const Matrix x = work.scratch.matrix(tokens.size(), d_model_);
  input_.forward(tokens, state.n_target, work, x);
  read(x, state.layers.get(), work, logits);
  state.n_target += tokens.size();
}

void Decoder::extend_all(std::span<SequenceState* const> states, std::span<const int32_t> tokens,
                         Workspace& work, Matrix logits) const {
  const Scratch::Frame frame(work.scratch);
  const Matrix x = work.scratch.matrix(tokens.size(), d_model_);
  const std::span<LayerState*> layers = work.scratch.pointers<LayerState>(states.size());
  for (size_t i = 0; i < states.size(); ++i) {
    auto& state = static_cast<DecoderState&>(*states[i]);
    input_.forward(tokens.subspan(i, 1), state.n_target, work, x.middle_rows(i, 1));
    layers[i] = state.layers.get();
    ++state.n_target;
  }
  read(x, LayerStates(layers), work, logits);
}

// From the vectors of new positions to the logits of the last logits.rows of them.
void Decoder::read(ConstMatrix x, LayerStates states, Workspace& work, Matrix logits) const {
  const Scratch::Frame frame(work.scratch);
  const Matrix y = work.scratch.matrix(x.rows, d_out_);
  const Matrix normed = work.scratch.matrix(logits.rows, d_out_);
  if (x.rows == 1) work.next = norm_.reads_first().then(loss_->reads_first());
  stack_->forward(x, states, work, y);
  work.next = {};
  norm_.forward(y.bottom_rows(logits.rows), nullptr, work, normed);
  loss_->forward(normed, nullptr, work, logits);
}

}  // namespace terse
