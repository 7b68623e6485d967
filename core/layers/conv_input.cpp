#include "core/layers/conv_input.h"

#include <algorithm>
#include <vector>

#include "core/layers/linear.h"

namespace terse {
namespace {

struct ConvTail : LayerState {
  explicit ConvTail(size_t n) : inputs(n, 0.0f) {}
  std::unique_ptr<LayerState> clone() const override { return std::make_unique<ConvTail>(*this); }
  size_t bytes() const override { return inputs.size() * sizeof(float); }

  std::vector<float> inputs;  // [length - 1, d_in]
};

// Remembers the last rows in the tail of their sequence.
void fill_rows(ConstMatrix x, LayerStates tails, const ConvReach& reach, const Matrix& rows) {
  const size_t past = reach.length - 1;
  const size_t n = x.rows / tails.size();
  std::fill_n(rows.data, rows.rows * rows.cols, 0.0f);
  for (size_t i = 0; i < tails.size(); ++i) {
    const Matrix inner =
        rows_of_sequence(rows, i, tails.size()).middle_cols(reach.margin(), reach.d_in());
    copy(rows_of_sequence(x, i, tails.size()), inner.bottom_rows(n));
    if (tails[i] == nullptr) continue;
    const Matrix remembered(static_cast<ConvTail&>(*tails[i]).inputs.data(), past, reach.d_in());
    copy(remembered, inner.middle_rows(0, past));
    copy(inner.bottom_rows(past), remembered);
  }
}

}  // namespace

std::unique_ptr<LayerState> new_conv_tail(const ConvReach& reach) {
  return std::make_unique<ConvTail>((reach.length - 1) * reach.d_in());
}

ConvInput::ConvInput(ConstMatrix x, LayerStates tails, const ConvReach& reach, bool in_bytes,
                     Workspace& work)
    : reach_(reach), positions_(x.rows), n_each_(x.rows / tails.size()) {
  const size_t each = reach.length - 1 + n_each_;
  rows_ = work.scratch.matrix(tails.size() * each, reach.d_in() + 2 * reach.margin());
  fill_rows(x, tails, reach, rows_);
  // Module by module, so that each consists of whole groups.
  const size_t modules = rows_.cols / reach.module_in;
  if (in_bytes) {
    bytes_ = quantized(ConstMatrix(rows_.data, rows_.rows * modules, reach.module_in), work);
  }
}

size_t ConvInput::first_row(size_t position) const {
  return position / n_each_ * (reach_.length - 1 + n_each_) + position % n_each_;
}

kernels::Patches ConvInput::patches(size_t position, size_t width) const {
  const size_t skip = (reach_.width - width) / 2 * reach_.module_in;
  return {rows_.row(first_row(position)) + skip,
          reach_.modules,
          reach_.module_in,
          reach_.length,
          rows_.stride,
          width * reach_.module_in};
}

kernels::QuantizedRows ConvInput::byte_patches(size_t width) const {
  const size_t module = groups_of(reach_.module_in);
  const size_t position = module * (rows_.cols / reach_.module_in);  // groups
  kernels::QuantizedRows patches = bytes_.row(0);
  const size_t skip = (reach_.width - width) / 2 * module;
  patches.values += skip * kGroup;
  patches.scales += skip;
  patches.sums += skip;
  patches.m = positions_ * reach_.modules;
  patches.groups = width * module;
  patches.taps = reach_.length;
  patches.tap_stride = position;
  patches.rows = reach_.modules;
  patches.row_stride = module;
  // One sequence with any number of new positions, or several with one each.
  patches.position_stride = (n_each_ == 1 ? reach_.length : 1) * position;
  return patches;
}

}  // namespace terse
