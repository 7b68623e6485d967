#include "core/models/reversible_stack.h"

#include "core/layers/serial.h"
#include "core/models/half_residual.h"

namespace terse {
namespace {

void forget(const Layer& layer, Streams& streams, Workspace& work) {
  const Scratch::Frame frame(work.scratch);
  const Matrix mean = work.scratch.matrix(streams.first.rows, streams.first.cols);
  average(streams, mean);
  layer.forward(mean, nullptr, work, streams.first);
  copy(streams.first, streams.second);
}

void concatenate_in_place(Streams& streams) {
  const size_t d = streams.first.cols;
  streams.first.cols = 2 * d;
  streams.second.cols = 2 * d;
  copy(streams.second.middle_cols(0, d), streams.first.middle_cols(d, d));
  copy(streams.first, streams.second);
}

}  // namespace

void average(const Streams& streams, Matrix y) {
  as_eigen(y) = (as_eigen(streams.first) + as_eigen(streams.second)) / 2.0f;
}

void concatenate(const Streams& streams, Matrix y) {
  const size_t d = streams.first.cols;
  copy(streams.first, y.middle_cols(0, d));
  copy(streams.second, y.middle_cols(d, d));
}

void ReversibleStack::push_half_residual(std::unique_ptr<Layer> layer, bool swap) {
  reads_.push_back(layer->reads_first());
  steps_.emplace_back(HalfResidual{std::move(layer), swap});
}

void ReversibleStack::push_forget(std::unique_ptr<Layer> layer) {
  reads_.push_back(layer->reads_first());
  steps_.emplace_back(Forget{std::move(layer)});
}

void ReversibleStack::push_concatenate() {
  reads_.emplace_back();
  steps_.emplace_back(Concatenate{});
}

std::unique_ptr<LayerState> ReversibleStack::new_state(const StateOptions& options) const {
  auto state = std::make_unique<StateList>();
  for (const Step& step : steps_) {
    const auto* half = std::get_if<HalfResidual>(&step);
    state->parts.push_back(half ? half->layer->new_state(options) : nullptr);
  }
  return state;
}

Streams ReversibleStack::forward(Streams streams, LayerStates states, Workspace& work) const {
  const kernels::ReadList after = work.next;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const Scratch::Frame frame(work.scratch);
    if (streams.first.rows == 1) work.read_next(i + 1 < reads_.size() ? reads_[i + 1] : after);
    if (const auto* half = std::get_if<HalfResidual>(&steps_[i])) {
      add_layer(*half->layer, streams.second, part_of(states, i, work.scratch), work,
                streams.first);
      if (work.probe && work.probe->after_step) {
        work.probe->after_step(name_, i, streams.first, streams.second);
      }
      if (half->swap) std::swap(streams.first, streams.second);
    } else if (const auto* dense = std::get_if<Forget>(&steps_[i])) {
      forget(*dense->layer, streams, work);
    } else {
      concatenate_in_place(streams);
    }
  }
  return streams;
}

ReversibleLayer::ReversibleLayer(std::string_view name, std::vector<std::unique_ptr<Layer>> layers,
                                 void (*join)(const Streams&, Matrix))
    : stack_(name), join_(join) {
  for (auto& layer : layers) stack_.push_half_residual(std::move(layer));
}

std::unique_ptr<LayerState> ReversibleLayer::new_state(const StateOptions& options) const {
  return stack_.new_state(options);
}

void ReversibleLayer::forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const Streams streams{work.scratch.matrix(x.rows, x.cols), work.scratch.matrix(x.rows, x.cols)};
  copy(x, streams.first);
  copy(x, streams.second);
  join_(stack_.forward(streams, states, work), y);
}

}  // namespace terse
