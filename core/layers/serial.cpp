#include "core/layers/serial.h"

namespace terse {

std::unique_ptr<LayerState> StateList::clone() const {
  auto copy = std::make_unique<StateList>();
  for (const auto& part : parts) copy->parts.push_back(part ? part->clone() : nullptr);
  return copy;
}

size_t StateList::bytes() const {
  size_t total = 0;
  for (const auto& part : parts) total += part ? part->bytes() : 0;
  return total;
}

size_t StateList::bytes_read() const {
  size_t total = 0;
  for (const auto& part : parts) total += part ? part->bytes_read() : 0;
  return total;
}

LayerStates part_of(LayerStates lists, size_t i, Scratch& scratch) {
  return lists.parts<StateList>(scratch, [i](StateList& list) { return list.parts[i].get(); });
}

std::unique_ptr<LayerState> Serial::new_state(const StateOptions& options) const {
  auto state = std::make_unique<StateList>();
  for (const Part& part : parts_) state->parts.push_back(part.layer->new_state(options));
  return state;
}

kernels::ReadList Serial::reads_first() const {
  kernels::ReadList all;
  for (const Part& part : parts_) all.then(part.layer->reads_first());
  return all;
}

void Serial::forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  for (size_t i = 0; i < parts_.size(); ++i) {
    const bool last = i + 1 == parts_.size();
    const Matrix out = last ? y : work.scratch.matrix(x.rows, parts_[i].d_out);
    parts_[i].layer->forward(x, part_of(states, i, work.scratch), work, out);
    x = out;
  }
}

}  // namespace terse
