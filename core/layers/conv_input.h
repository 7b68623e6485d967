// What convolutions over (length, modules) read: a sequence's last inputs and its new ones, in
// place.
#pragma once

#include "core/kernels/convolution.h"
#include "core/layers/conv_rows.h"
#include "core/layers/layer.h"

namespace terse {

/// The inputs of the last length - 1 positions, as floats or in bytes. Zero before the first
/// position.
std::unique_ptr<LayerState> new_conv_tail(const ConvReach& reach, bool in_bytes);

/// For each sequence, the remembered inputs and then its new ones. Several convolutions of one
/// length may share it, each of a width up to its own. Lives in scratch memory, or, for one new
/// position of one sequence, in that sequence's tail.
class ConvInput {
 public:
  /// x: [n, d_in]. Advances the tails, which are of the same reach and form.
  ConvInput(ConstMatrix x, LayerStates tails, const ConvReach& reach, bool in_bytes,
            Workspace& work);

  /// Positions in all.
  size_t positions() const { return positions_; }

  /// What a convolution of `width` sees at one position, in floats.
  kernels::Patches patches(size_t position, size_t width) const;

  bool in_bytes() const { return rows_.in_bytes(); }
  /// The patches of all positions, position by position, in bytes.
  kernels::QuantizedRows byte_patches(size_t width) const;

 private:
  // The first of the rows that a position depends on.
  size_t first_row(size_t position) const;

  size_t positions_;
  size_t n_each_;  // new positions of each sequence
  ConvRows rows_;  // of each sequence length - 1 + n_each
};

}  // namespace terse
