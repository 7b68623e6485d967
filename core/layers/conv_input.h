// What convolutions over (length, modules) read: a sequence's last inputs and its new ones, in
// place.
#pragma once

#include "core/kernels/convolution.h"
#include "core/kernels/quantize.h"
#include "core/layers/layer.h"

namespace terse {

/// The parts that the features of a position have, and how far a convolution reaches.
struct ConvReach {
  size_t modules;
  size_t module_in;
  size_t width = 1;   // over modules, odd
  size_t length = 1;  // over positions

  size_t d_in() const { return modules * module_in; }
  size_t margin() const { return (width - 1) / 2 * module_in; }
};

/// The inputs of the last length - 1 positions. Zero before the first position.
std::unique_ptr<LayerState> new_conv_tail(const ConvReach& reach);

/// For each sequence, the remembered inputs and then its new ones, with a margin of zeros on both
/// sides of the modules. Several convolutions of one length may share it, each of a width up to its
/// own. Lives in scratch memory.
class ConvInput {
 public:
  /// x: [n, d_in]. Advances the tails. `in_bytes`: also quantises.
  ConvInput(ConstMatrix x, LayerStates tails, const ConvReach& reach, bool in_bytes,
            Workspace& work);

  /// Positions in all.
  size_t positions() const { return positions_; }

  /// What a convolution of `width` sees at one position.
  kernels::Patches patches(size_t position, size_t width) const;

  bool in_bytes() const { return bytes_.values != nullptr; }
  /// The patches of all positions, position by position, in bytes.
  kernels::QuantizedRows byte_patches(size_t width) const;

 private:
  // The first of the rows that a position depends on.
  size_t first_row(size_t position) const;

  ConvReach reach_;
  size_t positions_;
  size_t n_each_;  // new positions of each sequence
  Matrix rows_;    // [sequences * (length - 1 + n_each), margin + d_in + margin]
  kernels::QuantizedRows bytes_;
};

}  // namespace terse
