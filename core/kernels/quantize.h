// Activations in 8 bits, as products with quantised weights take them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/kernels/weight_view.h"
#include "core/packing.h"

namespace terse::kernels {

/// Groups of a plain row of so many that share one scale. Weights of 8 bits have one scale for a
/// whole row, so the integer products of a span need not leave the integers. A row has at least
/// four spans, if they are not very short.
constexpr size_t span_of(size_t groups) {
  return groups >= 64 ? 16 : groups >= 32 ? 8 : 4;
}
constexpr size_t kMostSpan = 16;
/// Spans of a row.
constexpr size_t spans_of(size_t groups) {
  return (groups + span_of(groups) - 1) / span_of(groups);
}

/// Rows of activations in groups of kGroup values: x = scale * value. For each group, its scale,
/// and the sum of its values and of those behind it in its span. Row i, tap l and group g of it is
/// group
///   i / rows * position_stride + i % rows * row_stride + l * tap_stride + g.
/// Plain rows have one tap, and one row to a position; a convolution reads its patches in place.
struct QuantizedRows {
  const int8_t* values = nullptr;  // [groups, kGroup]
  const float* scales = nullptr;   // [groups]
  const int32_t* sums = nullptr;   // [groups]
  size_t m = 0;                    // rows
  size_t groups = 0;               // of a tap
  size_t span = 1;                 // groups of a tap that share one scale, one behind the other
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

  /// The first groups of rows i .. i + n.
  template <size_t n>
  void groups_of_rows(size_t i, size_t (&first)[n]) const {
    // With one division: they take long.
    size_t row = rows == 1 ? 0 : i % rows;
    size_t group = rows == 1 ? i * position_stride : group_of(i);
    for (size_t& each : first) {
      each = group;
      group += row_stride;
      if (++row == rows) {
        row = 0;
        group += position_stride - rows * row_stride;
      }
    }
  }
};

/// Where quantize() writes: groups_of(n) groups.
struct QuantizedGroups {
  int8_t* values;
  float* scales;
  int32_t* sums;
};

/// Quantises n values, rounding to nearest even; `span` groups share one scale. A last group that
/// is not whole is filled with zeros. A span with a value that is not finite gets the scale NaN.
void quantize(const float* x, size_t n, size_t span, const QuantizedGroups& out);

/// Activations to be gated, in 9 bits and a sign: times a gate of 8 bits they fit into 16. Whole
/// groups, and one scale for each span.
struct GateInput {
  const int16_t* values;
  const float* scales;
};

/// n values as a GateInput; `span` groups share one scale.
void prepare_gating(const float* x, size_t n, size_t span, int16_t* values, float* scales);

/// Quantises the n values x[i] * gates[i] in the spans of a plain row; gates: one int8 row.
/// Loses a little more than half a step: x has been rounded before.
void quantize_gated(const GateInput& x, WeightView gates, size_t n, const QuantizedGroups& out);

}  // namespace terse::kernels
