#include "core/layers/expert_ff.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/kernels/sparse_ff.h"
#include "core/kernels/vector.h"
#include "core/layers/columns.h"
#include "core/layers/linear.h"

namespace terse {
namespace {

// Positions whose hidden values are kept at once.
constexpr size_t kTile = 64;
// Weights worth waking another thread for.
constexpr size_t kWorthSplitting = size_t{1} << 16;

size_t grain_for(size_t cost_of_one) {
  return std::max<size_t>(64, kWorthSplitting / cost_of_one);
}

}  // namespace

ExpertFF::ExpertFF(const Weights& weights, const Config& config) : config_(config) {
  if (config.d_ff % config.n_experts != 0) {
    throw ModelError(weights.full_name("units") + ": d_ff " + std::to_string(config.d_ff) +
                     " is no multiple of the " + std::to_string(config.n_experts) + " experts");
  }
  expert_size_ = config.d_ff / config.n_experts;
  controller_ = weights.matrix("controller", {config.n_experts, config.d_model});
  units_ = weights.matrix("units", {config.n_experts, expert_size_, 2, config.d_model},
                          TensorKind::experts);
  bias_ = weights.vector("bias", {config.d_model}).data();
}

void ExpertFF::forward(ConstMatrix x, LayerStates, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const Matrix logits = work.scratch.matrix(x.rows, config_.n_experts);
  linear(x, controller_, nullptr, work, logits);
  for (size_t i = 0; i < y.rows; ++i) std::copy_n(bias_, config_.d_model, y.row(i));

  // An expert is a stack of blocks of one unit each, so the kernels of SparseFF serve it; the
  // choice in each of these blocks is unit 0.
  const std::span<uint32_t> zeros = work.scratch.indices(expert_size_);
  std::fill(zeros.begin(), zeros.end(), 0);
  if (x.rows == 1) {
    forward_one(route(logits.data), x, zeros.data(), work, y);
    return;
  }
  for (size_t begin = 0; begin < x.rows; begin += kTile) {
    const size_t n = std::min(kTile, x.rows - begin);
    forward_many(logits.middle_rows(begin, n), x.middle_rows(begin, n), zeros.data(), work,
                 y.middle_rows(begin, n));
  }
}

ExpertFF::Route ExpertFF::route(const float* logits) const {
  const size_t expert = kernels::argmax(logits, config_.n_experts);
  float scale = 1.0f;
  if (config_.routing == Routing::switch_) {
    scale = std::exp(logits[expert] - kernels::log_sum_exp(logits, config_.n_experts));
  }
  return {kernels::WeightView(units_).row(expert * expert_size_ * 2, config_.d_model), scale};
}

// scale is positive: it may as well multiply what relu gives.
void ExpertFF::hidden_of(const Route& route, const float* x, const uint32_t* zeros, size_t begin,
                         size_t end, float* hidden) const {
  const size_t d = config_.d_model;
  kernels::chosen_hidden(x, route.units.row(begin * 2, d), zeros, end - begin, end - begin, 1, d,
                         hidden + begin);
  for (size_t u = begin; u < end; ++u) hidden[u] *= route.scale;
}

// The threads share the expert's units, then the columns of the sum.
void ExpertFF::forward_one(const Route& route, ConstMatrix x, const uint32_t* zeros,
                           Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const size_t d = config_.d_model;
  const std::span<float> hidden = work.scratch.floats(expert_size_);
  work.threads.for_ranges(expert_size_, grain_for(d), [&](size_t begin, size_t end) {
    hidden_of(route, x.data, zeros, begin, end, hidden.data());
  });
  for_columns(d, grain_for(expert_size_), work.threads, [&](size_t begin, size_t end) {
    kernels::add_chosen_outputs(hidden.data(), route.units, zeros, expert_size_, 1, d, begin, end,
                                y.data);
  });
}

// The threads share the positions. The sums run over the units in the same order.
void ExpertFF::forward_many(ConstMatrix logits, ConstMatrix x, const uint32_t* zeros,
                            Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const size_t d = config_.d_model;
  const Matrix hidden = work.scratch.matrix(x.rows, expert_size_);
  const size_t grain = kWorthSplitting / (2 * expert_size_ * d) + 1;
  work.threads.for_ranges(x.rows, grain, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const Route chosen = route(logits.row(i));
      hidden_of(chosen, x.row(i), zeros, 0, expert_size_, hidden.row(i));
      kernels::add_chosen_outputs(hidden.row(i), chosen.units, zeros, expert_size_, 1, d, 0, d,
                                  y.row(i));
    }
  });
}

}  // namespace terse
