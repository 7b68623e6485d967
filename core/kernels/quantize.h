// Activations in 8 bits, as products with quantised weights take them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/kernels/weight_view.h"
#include "core/packing.h"

namespace terse::kernels {

/// Rows of activations in groups of kGroup values: x = scale * value, with one scale and the sum of
/// the values for each group. Row i, tap l and group g of it is group
///   i / rows * position_stride + i % rows * row_stride + l * tap_stride + g.
/// Plain rows have one tap, and one row to a position; a convolution reads its patches in place.
struct QuantizedRows {
  const int8_t* values = nullptr;  // [groups, kGroup]
  const float* scales = nullptr;   // [groups]
  const int32_t* sums = nullptr;   // [groups]
  size_t m = 0;                    // rows
  size_t groups = 0;               // of a tap
  size_t taps = 1;
  size_t tap_stride = 0;  // all strides in groups
  size_t rows = 1;        // of a position
  size_t row_stride = 0;
  size_t position_stride = 0;

  /// One plain row.
  QuantizedRows row(size_t i) const {
    QuantizedRows one = *this;
    const size_t first = group_of(i);
    one.values += first * kGroup;
    one.scales += first;
    one.sums += first;
    one.m = 1;
    return one;
  }

  size_t group_of(size_t i) const { return i / rows * position_stride + i % rows * row_stride; }
};

/// Where quantize() writes: groups_of(n) groups.
struct QuantizedGroups {
  int8_t* values;
  float* scales;
  int32_t* sums;
};

/// Quantises n values, rounding to nearest even; a last group that is not whole is filled with
/// zeros. A group with a value that is not finite gets the scale NaN.
void quantize(const float* x, size_t n, const QuantizedGroups& out);

/// The same of the n values x[i] * gates[i]; gates: one row.
void quantize_gated(const float* x, WeightView gates, size_t n, const QuantizedGroups& out);

}  // namespace terse::kernels
