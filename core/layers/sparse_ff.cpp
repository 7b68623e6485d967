#include "core/layers/sparse_ff.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/kernels/sparse_ff.h"
#include "core/kernels/vector.h"
#include "core/layers/linear.h"

namespace terse {
namespace {

// Positions that go through the blocks together: a block's units stay in the cache while each picks
// its own.
constexpr size_t kTile = 64;
// Weights worth waking another thread for.
constexpr size_t kWorthSplitting = size_t{1} << 16;

size_t grain_for(size_t cost_of_one) {
  return kWorthSplitting / cost_of_one + 1;
}

}  // namespace

SparseFF::SparseFF(const Weights& weights, const Config& config) : config_(config) {
  const size_t n = config.n_elements_in_block;
  if (config.d_ff % n != 0) {
    throw ModelError(weights.full_name("units") + ": d_ff " + std::to_string(config.d_ff) +
                     " is no multiple of the block size " + std::to_string(n));
  }
  blocks_ = config.d_ff / n;
  down_ = weights.matrix("controller.down", {config.d_lowrank, config.d_model});
  up_ = weights.matrix("controller.up", {blocks_, config.d_lowrank, n}, TensorKind::columns);
  controller_bias_ = weights.vector("controller.bias", {blocks_, n}).data();
  units_ = weights.matrix("units", {blocks_, n, 2, config.d_model}, TensorKind::units);
  bias_ = weights.vector("bias", {config.d_model}).data();
}

void SparseFF::forward(ConstMatrix x, LayerState*, Workspace& work, Matrix y) const {
  for (size_t i = 0; i < y.rows; ++i) std::copy_n(bias_, config_.d_model, y.row(i));
  if (x.rows == 1) {
    forward_one(x, work, y);
    return;
  }
  for (size_t begin = 0; begin < x.rows; begin += kTile) {
    const size_t n = std::min(kTile, x.rows - begin);
    forward_tile(x.middle_rows(begin, n), work, y.middle_rows(begin, n));
  }
}

// One position: the threads share its blocks, then the columns of the sum.
void SparseFF::forward_one(ConstMatrix x, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const size_t n = config_.n_elements_in_block;
  const size_t d = config_.d_model;
  const size_t rank = config_.d_lowrank;
  const Matrix low = work.scratch.matrix(1, rank);
  const std::span<uint32_t> choice = work.scratch.indices(blocks_);
  const std::span<float> hidden = work.scratch.floats(blocks_);
  const kernels::WeightView up(up_), units(units_);

  linear(x, down_, nullptr, work.threads, low);
  work.threads.for_ranges(blocks_, grain_for(rank * n + d), [&](size_t begin, size_t end) {
    kernels::choose_units(low.data, up.from(begin * rank * n), controller_bias_ + begin * n,
                          end - begin, rank, n, choice.data() + begin);
    kernels::chosen_hidden(x.data, units.from(begin * n * 2 * d), choice.data() + begin,
                           end - begin, n, d, hidden.data() + begin);
    scale_by_controller(low.data, begin, end - begin, choice.data() + begin, hidden.data() + begin);
  });
  work.threads.for_ranges(d, std::max<size_t>(64, grain_for(blocks_)),
                          [&](size_t begin, size_t end) {
                            kernels::add_chosen_outputs(hidden.data(), units_, choice.data(),
                                                        blocks_, n, d, begin, end, y.data);
                          });
}

// Many positions: block by block, the threads share the positions. The sums run over the blocks in
// the same order.
void SparseFF::forward_tile(ConstMatrix x, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const size_t n = config_.n_elements_in_block;
  const size_t d = config_.d_model;
  const size_t rank = config_.d_lowrank;
  const Matrix low = work.scratch.matrix(x.rows, rank);
  linear(x, down_, nullptr, work.threads, low);
  work.threads.for_ranges(x.rows, grain_for(blocks_ * rank * n), [&](size_t begin, size_t end) {
    const kernels::WeightView up(up_), units(units_);
    for (size_t b = 0; b < blocks_; ++b) {
      for (size_t i = begin; i < end; ++i) {
        uint32_t choice = 0;
        float hidden = 0;
        const kernels::WeightView block = units.from(b * n * 2 * d);
        kernels::choose_units(low.row(i), up.from(b * rank * n), controller_bias_ + b * n, 1, rank,
                              n, &choice);
        kernels::chosen_hidden(x.row(i), block, &choice, 1, n, d, &hidden);
        scale_by_controller(low.row(i), b, 1, &choice, &hidden);
        kernels::add_chosen_outputs(&hidden, block, &choice, 1, n, d, 0, d, y.row(i));
      }
    }
  });
}

// hidden[b] *= softmax(logits of block b)[choice[b]], for the variant that no model's arguments
// reach.
void SparseFF::scale_by_controller(const float* low, size_t first_block, size_t count,
                                   const uint32_t* choice, float* hidden) const {
  if (!config_.multiply_by_controller_output) return;
  const size_t n = config_.n_elements_in_block;
  const size_t rank = config_.d_lowrank;
  std::vector<float> logits(n), row(n);
  for (size_t b = 0; b < count; ++b) {
    std::copy_n(controller_bias_ + (first_block + b) * n, n, logits.data());
    for (size_t r = 0; r < rank; ++r) {
      kernels::widen(kernels::WeightView(up_).from(((first_block + b) * rank + r) * n), n,
                     row.data());
      for (size_t e = 0; e < n; ++e) logits[e] += low[r] * row[e];
    }
    hidden[b] *= std::exp(logits[choice[b]] - kernels::log_sum_exp(logits.data(), n));
  }
}

}  // namespace terse
