#include "core/layers/multiplicative_conv_qkv.h"

#include "core/layers/convolve_together.h"
#include "core/layers/serial.h"

namespace terse {

MultiplicativeConvQkv::MultiplicativeConvQkv(const Weights& weights, const Config& config)
    : config_(config), shared_(weights / "shared", config.modules, config.d_model, config.d_model) {
  const auto conv = [&](const char* name, size_t d_in, size_t width) {
    return make_locally_conv_dense(weights / name,
                                   {config.modules, d_in, config.d_model, width, config.length});
  };
  const bool joined = config.value_input != ValueInput::shared;
  query_ = conv("query", config.d_model, 3);
  if (!config.share_qk) key_ = conv("key", config.d_model, 3);
  value_ = conv("value", joined ? 2 * config.d_model : config.d_model, 1);
}

std::unique_ptr<LayerState> MultiplicativeConvQkv::new_state(const StateOptions& options) const {
  if (together()) return query_->new_state(options);
  auto state = std::make_unique<StateList>();
  state->parts.push_back(query_->new_state(options));
  state->parts.push_back(key_ ? key_->new_state(options) : nullptr);
  state->parts.push_back(value_->new_state(options));
  return state;
}

void MultiplicativeConvQkv::convolve(ConstMatrix shared, LayerStates states, Workspace& work,
                                     Matrix q, Matrix k, Matrix v, const HeadLoop* loop) const {
  const auto convolution = [](const std::unique_ptr<Layer>& layer) {
    return static_cast<const LocallyConvDense*>(layer.get());
  };
  const LocallyConvDense& widest = *convolution(query_);
  const ConvInput input(shared, states, widest.reach(), widest.reads_bytes(), work);
  if (!key_) {
    const LocallyConvDense* const all[] = {&widest, convolution(value_)};
    const Matrix outputs[] = {q, v};
    convolve_together(all, input, work, outputs);
    copy(q, k);
  } else {
    const LocallyConvDense* const all[] = {&widest, convolution(key_), convolution(value_)};
    const Matrix outputs[] = {q, k, v};
    const bool by_heads = loop != nullptr && loop->heads == config_.modules &&
                          shares_modules(input, config_.modules, work.threads);
    if (by_heads) return convolve_modules(all, input, work, outputs, loop->grain, loop->work);
    convolve_together(all, input, work, outputs);
  }
  if (loop != nullptr) loop->run(work.threads);
}

void MultiplicativeConvQkv::join(ConstMatrix shared, ConstMatrix x, const Matrix& joined) const {
  const size_t modules = config_.value_input == ValueInput::joined_by_module ? config_.modules : 1;
  const size_t part = x.cols / modules;
  for (size_t module = 0; module < modules; ++module) {
    copy(shared.middle_cols(module * part, part), joined.middle_cols(2 * module * part, part));
    copy(x.middle_cols(module * part, part), joined.middle_cols((2 * module + 1) * part, part));
  }
}

void MultiplicativeConvQkv::forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix q,
                                    Matrix k, Matrix v) const {
  const Scratch::Frame frame(work.scratch);
  const Matrix shared = work.scratch.matrix(x.rows, x.cols);
  shared_.forward(x, nullptr, work, shared);
  if (together()) return convolve(shared, states, work, q, k, v, nullptr);
  query_->forward(shared, part_of(states, 0, work.scratch), work, q);
  if (key_) {
    key_->forward(shared, part_of(states, 1, work.scratch), work, k);
  } else {
    copy(q, k);
  }
  if (config_.value_input == ValueInput::shared) {
    value_->forward(shared, part_of(states, 2, work.scratch), work, v);
    return;
  }
  const Matrix joined = work.scratch.matrix(x.rows, 2 * x.cols);
  join(shared, x, joined);
  value_->forward(joined, part_of(states, 2, work.scratch), work, v);
}

void MultiplicativeConvQkv::forward_then(ConstMatrix x, LayerState* state, Workspace& work,
                                         Matrix q, Matrix k, Matrix v, const HeadLoop& loop) const {
  if (!together()) return QkvProjection::forward_then(x, state, work, q, k, v, loop);
  const Scratch::Frame frame(work.scratch);
  const Matrix shared = work.scratch.matrix(x.rows, x.cols);
  shared_.forward(x, nullptr, work, shared);
  convolve(shared, state, work, q, k, v, &loop);
}

}  // namespace terse
