#include "core/layers/qkv.h"

#include "core/layers/serial.h"

namespace terse {

void QkvProjection::forward_then(ConstMatrix x, LayerState* state, Workspace& work, Matrix q,
                                 Matrix k, Matrix v, const HeadLoop& loop) const {
  forward(x, state, work, q, k, v);
  loop.run(work.threads);
}

SeparateQkv::SeparateQkv(std::unique_ptr<Layer> query, std::unique_ptr<Layer> key,
                         std::unique_ptr<Layer> value)
    : query_(std::move(query)), key_(std::move(key)), value_(std::move(value)) {}

std::unique_ptr<LayerState> SeparateQkv::new_state(const StateOptions& options) const {
  auto state = std::make_unique<StateList>();
  for (const auto* layer : {&query_, &key_, &value_}) {
    state->parts.push_back(*layer ? (*layer)->new_state(options) : nullptr);
  }
  return state;
}

void SeparateQkv::forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix q, Matrix k,
                          Matrix v) const {
  const Scratch::Frame frame(work.scratch);
  query_->forward(x, part_of(states, 0, work.scratch), work, q);
  if (key_) {
    key_->forward(x, part_of(states, 1, work.scratch), work, k);
  } else {
    copy(q, k);
  }
  value_->forward(x, part_of(states, 2, work.scratch), work, v);
}

}  // namespace terse
