// Rows of inputs as a convolution over modules reads them: with a margin of zeros on both sides of
// the modules, as floats or in 8 bits.
#pragma once

#include <cstdint>
#include <vector>

#include "core/kernels/quantize.h"
#include "core/scratch.h"

namespace terse {

/// The parts that the features of a position have, and how far a convolution reaches.
struct ConvReach {
  size_t modules = 1;
  size_t module_in = 1;
  size_t width = 1;   // over modules, odd
  size_t length = 1;  // over positions

  size_t d_in() const { return modules * module_in; }
  /// Modules of zeros on each side.
  size_t margin() const { return (width - 1) / 2; }
  /// Floats of a row.
  size_t row_floats() const { return (modules + 2 * margin()) * module_in; }
  /// Groups of a row in bytes: each module has whole groups.
  size_t module_groups() const { return groups_of(module_in); }
  size_t row_groups() const { return (modules + 2 * margin()) * module_groups(); }
};

/// A view of such rows; it owns nothing.
struct ConvRows {
  ConvReach reach;
  float* floats = nullptr;         // [rows, row_floats], or null:
  kernels::QuantizedGroups bytes;  // [rows, row_groups]

  bool in_bytes() const { return floats == nullptr; }
  /// The rows from row i on.
  ConvRows from(size_t i) const;

  /// Row i becomes zero, margins included.
  void clear(size_t i) const;
  /// Modules begin .. end of row i become those of x. x: [d_in].
  void set(size_t i, const float* x, size_t begin, size_t end) const;
  /// Rows to .. to + count become the first rows of `other`, which do not overlap them.
  void copy(const ConvRows& other, size_t count, size_t to) const;
};

/// Rows in memory of the scratch's current frame, not initialised.
ConvRows scratch_rows(size_t rows, const ConvReach& reach, bool in_bytes, Scratch& scratch);

/// Memory for rows, all zero at first.
class ConvRowsStorage {
 public:
  ConvRowsStorage(size_t rows, const ConvReach& reach, bool in_bytes);

  ConvRows view();
  size_t bytes() const;

 private:
  ConvReach reach_;
  std::vector<float> floats_;
  std::vector<int8_t> values_;
  std::vector<float> scales_;
  std::vector<int32_t> sums_;
};

}  // namespace terse
