#include "core/layers/qkv.h"

#include "core/layers/serial.h"

namespace terse {

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

void SeparateQkv::forward(ConstMatrix x, LayerState* state, Workspace& work, Matrix q, Matrix k,
                          Matrix v) const {
  query_->forward(x, part_of(state, 0), work, q);
  if (key_) {
    key_->forward(x, part_of(state, 1), work, k);
  } else {
    copy(q, k);
  }
  value_->forward(x, part_of(state, 2), work, v);
}

}  // namespace terse
