#include "core/models/residual_stack.h"

#include "core/layers/serial.h"
#include "core/models/half_residual.h"

namespace terse {

std::unique_ptr<LayerState> ResidualStack::new_state(const StateOptions& options) const {
  auto state = std::make_unique<StateList>();
  for (const auto& layer : layers_) state->parts.push_back(layer->new_state(options));
  return state;
}

void ResidualStack::forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const {
  copy(x, y);
  const kernels::ReadList after = work.next;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Scratch::Frame frame(work.scratch);
    if (x.rows == 1) work.read_next(reads_behind(i, after));
    add_layer(*layers_[i], y, part_of(states, i, work.scratch), work, y);
    if (work.probe && work.probe->after_step) work.probe->after_step(name_, i, y, y);
  }
}

// What follows the stack is asked for by the last layer but one, too: the last may be busy reading.
kernels::ReadList ResidualStack::reads_behind(size_t i, const kernels::ReadList& after) const {
  if (i + 1 == reads_.size()) return after;
  kernels::ReadList next = reads_[i + 1];
  return i + 2 == reads_.size() ? next.then(after) : next;
}

}  // namespace terse
