#include "core/layers/conv_input.h"

#include <algorithm>

namespace terse {
namespace {

// Rows of a tail beyond those that it remembers: with them, one token in so many moves the rows.
constexpr size_t kRoom = 16;
// Values of rows, and of one row, that are worth preparing on another thread.
constexpr size_t kWorthSplitting = size_t{1} << 14;
constexpr size_t kWorthSplittingOne = size_t{1} << 12;

class ConvTail : public LayerState {
 public:
  ConvTail(const ConvReach& reach, bool in_bytes)
      : past_(reach.length - 1),
        room_(std::max(kRoom, past_)),
        storage_(past_ + room_, reach, in_bytes) {}
  std::unique_ptr<LayerState> clone() const override { return std::make_unique<ConvTail>(*this); }
  size_t bytes() const override { return storage_.bytes(); }

  /// The remembered rows.
  ConvRows rows() { return storage_.view().from(first_); }

  /// Adds one position; returns the rows that were remembered and the new one behind them.
  ConvRows append(const float* x, Threads& threads) {
    if (first_ == room_) remember(rows());
    const ConvRows all = rows();
    threads.for_ranges(all.reach.modules, kWorthSplittingOne / all.reach.module_in + 1,
                       [&](size_t begin, size_t end) { all.set(past_, x, begin, end); });
    ++first_;
    return all;
  }

  /// Takes over the first length - 1 rows of `others`.
  void remember(const ConvRows& others) {
    first_ = 0;
    storage_.view().copy(others, past_, 0);
  }

 private:
  size_t past_;
  size_t room_;
  size_t first_ = 0;
  ConvRowsStorage storage_;
};

ConvTail* tail_of(LayerState* state) {
  return static_cast<ConvTail*>(state);
}

// Fills rows of scratch memory with what is remembered and what is new.
void fill(ConstMatrix x, LayerStates tails, const ConvRows& rows, Threads& threads) {
  const size_t past = rows.reach.length - 1;
  const size_t n = x.rows / tails.size();
  for (size_t i = 0; i < tails.size(); ++i) {
    const ConvRows sequence = rows.from(i * (past + n));
    if (tails[i] != nullptr) {
      sequence.copy(tail_of(tails[i])->rows(), past, 0);
    } else {
      for (size_t j = 0; j < past; ++j) sequence.clear(j);
    }
  }
  threads.for_ranges(x.rows, kWorthSplitting / x.cols + 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const size_t row = i / n * (past + n) + past + i % n;
      rows.clear(row);
      rows.set(row, x.row(i), 0, rows.reach.modules);
    }
  });
  for (size_t i = 0; i < tails.size(); ++i) {
    if (tails[i] != nullptr) tail_of(tails[i])->remember(rows.from(i * (past + n) + n));
  }
}

}  // namespace

std::unique_ptr<LayerState> new_conv_tail(const ConvReach& reach, bool in_bytes) {
  return std::make_unique<ConvTail>(reach, in_bytes);
}

ConvInput::ConvInput(ConstMatrix x, LayerStates tails, const ConvReach& reach, bool in_bytes,
                     Workspace& work)
    : positions_(x.rows), n_each_(x.rows / tails.size()) {
  if (x.rows == 1 && tails[0] != nullptr) {
    rows_ = tail_of(tails[0])->append(x.data, work.threads);
    return;
  }
  const size_t each = reach.length - 1 + n_each_;
  rows_ = scratch_rows(tails.size() * each, reach, in_bytes, work.scratch);
  fill(x, tails, rows_, work.threads);
}

size_t ConvInput::first_row(size_t position) const {
  return position / n_each_ * (rows_.reach.length - 1 + n_each_) + position % n_each_;
}

kernels::Patches ConvInput::patches(size_t position, size_t width) const {
  const ConvReach& reach = rows_.reach;
  const size_t skip = (reach.width - width) / 2 * reach.module_in;
  return {rows_.from(first_row(position)).floats + skip,
          reach.modules,
          reach.module_in,
          reach.length,
          reach.row_floats(),
          width * reach.module_in};
}

kernels::QuantizedRows ConvInput::byte_patches(size_t width) const {
  const ConvReach& reach = rows_.reach;
  const size_t module = reach.module_groups();
  const size_t skip = (reach.width - width) / 2 * module;
  kernels::QuantizedRows patches;
  patches.values = rows_.bytes.values + skip * kGroup;
  patches.scales = rows_.bytes.scales + skip;
  patches.sums = rows_.bytes.sums + skip;
  patches.m = positions_ * reach.modules;
  patches.groups = width * module;
  patches.span = module;
  patches.taps = reach.length;
  patches.tap_stride = reach.row_groups();
  patches.rows = reach.modules;
  patches.row_stride = module;
  // One sequence with any number of new positions, or several with one each.
  patches.position_stride = (n_each_ == 1 ? reach.length : 1) * reach.row_groups();
  return patches;
}

}  // namespace terse
