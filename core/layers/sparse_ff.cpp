#include "core/layers/sparse_ff.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/kernels/quantized_matmul.h"
#include "core/kernels/sparse_ff.h"
#include "core/kernels/vector.h"
#include "core/layers/columns.h"
#include "core/layers/linear.h"

namespace terse {
namespace {

// Positions that go through the blocks together: a block's units stay in the cache while each picks
// its own.
constexpr size_t kTile = 64;
// Positions up to this many are those of single tokens.
constexpr size_t kFew = 16;
// Blocks whose outputs are summed by themselves, before the sums are added in order: any number of
// threads may share the chunks and gives the same bits. A few positions also share the weights of a
// chunk's controller while they are in the cache.
constexpr size_t kChunk = 16;
// Weights worth waking another thread for.
constexpr size_t kWorthSplitting = size_t{1} << 15;

// Most lines of what comes next that a thread asks for when its rows are done: what no other thread
// waits for meanwhile.
constexpr size_t kMostAsked = 1024;

// Values worth waking another thread to add.
constexpr size_t kWorthAdding = size_t{1} << 15;

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

void SparseFF::forward(ConstMatrix x, LayerStates, Workspace& work, Matrix y) const {
  for (size_t i = 0; i < y.rows; ++i) std::copy_n(bias_, config_.d_model, y.row(i));
  if (x.rows <= kFew) {
    forward_few(x, work, y);
    return;
  }
  for (size_t begin = 0; begin < x.rows; begin += kTile) {
    const size_t n = std::min(kTile, x.rows - begin);
    forward_tile(x.middle_rows(begin, n), work, y.middle_rows(begin, n));
  }
}

kernels::ReadList SparseFF::reads_first() const {
  const auto* bias = reinterpret_cast<const std::byte*>(controller_bias_);
  return reads_of(down_, TensorKind::matrix)
      .then(reads_of(up_, TensorKind::columns))
      .then(kernels::ReadAhead::whole(bias, config_.d_ff * sizeof(float)));
}

// One position, or one of each text in lock-step: the threads share the chunks of blocks.
void SparseFF::forward_few(ConstMatrix x, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const size_t n = config_.n_elements_in_block;
  const size_t d = config_.d_model;
  const size_t chunks = (blocks_ + kChunk - 1) / kChunk;
  const std::span<uint32_t> choices = work.scratch.indices(x.rows * blocks_);
  const Matrix hidden = work.scratch.matrix(x.rows, blocks_);
  const Matrix sums = work.scratch.matrix(x.rows * chunks, d);
  const auto [units_input, low] = inputs(x, work);
  const auto choice_of = [&](size_t i) { return choices.data() + i * blocks_; };

  // The choices are made first: they say what to fetch ahead.
  const auto use_chunks = [&](size_t first_chunk, size_t end_chunk, size_t i) {
    const size_t begin = first_chunk * kChunk;
    const size_t end = std::min(end_chunk * kChunk, blocks_);
    choose(low, i, begin, end, choice_of(i) + begin);
    for (size_t c = first_chunk; c < end_chunk; ++c) {
      add_chunk(units_input, low, i, c, end, choice_of(i), hidden.row(i), sums.row(i * chunks + c));
    }
  };
  const size_t grain = grain_for(kChunk * x.rows * (config_.d_lowrank * n + d));
  work.threads.for_ranges(chunks, grain, [&](size_t begin, size_t end) {
    if (x.rows == 1) {
      use_chunks(begin, end, 0);
      work.next.part(begin, end, chunks).ask(kMostAsked);
      return;
    }
    for (size_t c = begin; c < end; ++c) {
      for (size_t i = 0; i < x.rows; ++i) use_chunks(c, c + 1, i);
    }
  });
  for_columns(d, kWorthAdding / (chunks * x.rows), work.threads, [&](size_t begin, size_t end) {
    for (size_t i = 0; i < x.rows; ++i) {
      for (size_t c = 0; c < chunks; ++c) {
        kernels::add(sums.row(i * chunks + c) + begin, end - begin, y.row(i) + begin);
      }
    }
  });
}

// sum = the outputs of one chunk of blocks at one position. Blocks up to `known` have choices.
void SparseFF::add_chunk(const Input& x, const Input& low, size_t position, size_t chunk,
                         size_t known, const uint32_t* choice, float* hidden, float* sum) const {
  const size_t n = config_.n_elements_in_block;
  const size_t d = config_.d_model;
  const size_t begin = chunk * kChunk;
  const size_t end = std::min(begin + kChunk, blocks_);
  const kernels::WeightView units = kernels::WeightView(units_).row(begin * n * 2, d);
  hidden_of(x, position, units, choice + begin, end - begin, known - begin, hidden + begin);
  scale_by_controller(low, position, begin, end, choice + begin, hidden + begin);
  std::fill_n(sum, d, 0.0f);
  kernels::add_chosen_outputs(hidden + begin, units, choice + begin, end - begin, n, d, 0, d, sum);
}

// Many positions: block by block, the threads share the positions. The sums run over the blocks in
// the same order as those of a few.
void SparseFF::forward_tile(ConstMatrix x, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const size_t n = config_.n_elements_in_block;
  const size_t d = config_.d_model;
  const Matrix sums = work.scratch.matrix(x.rows, d);
  const auto [units_input, low] = inputs(x, work);
  const auto add_block = [&](size_t b, size_t i) {
    const kernels::WeightView block = kernels::WeightView(units_).row(b * n * 2, d);
    uint32_t choice = 0;
    float hidden = 0;
    choose(low, i, b, b + 1, &choice);
    hidden_of(units_input, i, block, &choice, 1, 1, &hidden);
    scale_by_controller(low, i, b, b + 1, &choice, &hidden);
    kernels::add_chosen_outputs(&hidden, block, &choice, 1, n, d, 0, d, sums.row(i));
  };
  const size_t grain = grain_for(blocks_ * config_.d_lowrank * n);
  work.threads.for_ranges(x.rows, grain, [&](size_t begin, size_t end) {
    for (size_t first = 0; first < blocks_; first += kChunk) {
      for (size_t i = begin; i < end; ++i) std::fill_n(sums.row(i), d, 0.0f);
      for (size_t b = first; b < std::min(first + kChunk, blocks_); ++b) {
        for (size_t i = begin; i < end; ++i) add_block(b, i);
      }
      for (size_t i = begin; i < end; ++i) kernels::add(sums.row(i), d, y.row(i));
    }
  });
}

SparseFF::Inputs SparseFF::inputs(ConstMatrix x, Workspace& work) const {
  const Matrix low = work.scratch.matrix(x.rows, config_.d_lowrank);
  if (!is_quantized(down_.dtype)) {
    linear(x, down_, nullptr, work, low);
    return {{x, {}}, {low, {}}};
  }
  const kernels::QuantizedRows x_bytes = quantized(x, work);
  linear(x_bytes, down_, nullptr, work.threads, low);
  return {{x, x_bytes}, {low, quantized(low, work)}};
}

// The hidden values of some blocks' chosen units at one position.
void SparseFF::hidden_of(const Input& x, size_t position, kernels::WeightView units,
                         const uint32_t* choice, size_t blocks, size_t known, float* hidden) const {
  const size_t n = config_.n_elements_in_block;
  const size_t d = config_.d_model;
  if (units.dtype == DType::int8) {
    kernels::chosen_hidden(x.in_bytes.row(position), units, choice, blocks, known, n, d, hidden);
  } else {
    kernels::chosen_hidden(x.in_floats.row(position), units, choice, blocks, known, n, d, hidden);
  }
}

void SparseFF::choose(const Input& low, size_t position, size_t begin, size_t end,
                      uint32_t* choice) const {
  const size_t n = config_.n_elements_in_block;
  const size_t rank = config_.d_lowrank;
  const kernels::WeightView up = kernels::WeightView(up_).matrix(begin, n, rank);
  const float* bias = controller_bias_ + begin * n;
  if (is_quantized(up.dtype)) {
    kernels::choose_units(low.in_bytes.row(position), up, bias, end - begin, n, choice);
  } else {
    kernels::choose_units(low.in_floats.row(position), up, bias, end - begin, rank, n, choice);
  }
}

// hidden[b] *= softmax(logits of block b)[choice[b]], for the variant that no model's arguments
// reach.
void SparseFF::scale_by_controller(const Input& low, size_t position, size_t begin, size_t end,
                                   const uint32_t* choice, float* hidden) const {
  if (!config_.multiply_by_controller_output) return;
  std::vector<float> logits(config_.n_elements_in_block);
  for (size_t b = begin; b < end; ++b) {
    block_logits(low, position, b, logits);
    hidden[b - begin] *=
        std::exp(logits[choice[b - begin]] - kernels::log_sum_exp(logits.data(), logits.size()));
  }
}

void SparseFF::block_logits(const Input& low, size_t position, size_t b,
                            std::span<float> logits) const {
  const size_t n = config_.n_elements_in_block;
  const size_t rank = config_.d_lowrank;
  const kernels::WeightView up = kernels::WeightView(up_).matrix(b, n, rank);
  const float* bias = controller_bias_ + b * n;
  if (is_quantized(up.dtype)) {
    kernels::quantized_matmul(low.in_bytes.row(position), 0, 1, up, n, bias, logits.data(), n);
    return;
  }
  std::copy_n(bias, n, logits.data());
  std::vector<float> row(n);
  for (size_t r = 0; r < rank; ++r) {
    kernels::widen(up.row(r, n), n, row.data());
    for (size_t e = 0; e < n; ++e) logits[e] += low.in_floats.row(position)[r] * row[e];
  }
}

}  // namespace terse
