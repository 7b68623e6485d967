// How tensors of a quantised type lie in memory. Two packings, chosen by a tensor's use: panels for
// products, rows for what is read row by row.
//
// int8: value = scale * (byte - 128), one float32 scale for each row of the matrix.
// int4: value = scale * (nibble - 8), one bfloat16 scale for each group of 32 values of a row.
//
// Row: the bytes (or nibbles: byte i of a group holds value i low and value i + 16 high), d rounded
// up to whole groups, then the scales; the whole rounded up to 64 bytes.
// Panel: 16 outputs of a matrix [n, k]; rows beyond n are zero. First the scales ([16] float32, or
// [groups, 16] bfloat16), rounded up to 64 bytes; then steps of 4 terms each, [k / 4, 16, 4] bytes,
// so that one vector holds 4 terms of all 16 outputs. With int4, two steps share a vector: the
// first one low, the second one high.
#pragma once

#include <cstddef>

#include "core/tensor.h"
#include "core/weights.h"

namespace terse {

/// Terms of a sum that share one scale of the activations, and of 4-bit weights.
constexpr size_t kGroup = 32;
/// Outputs that stand side by side in a panel.
constexpr size_t kPanel = 16;

constexpr size_t round_up(size_t n, size_t unit) {
  return (n + unit - 1) / unit * unit;
}
constexpr size_t groups_of(size_t k) {
  return (k + kGroup - 1) / kGroup;
}

/// Bytes of a row of d values. For float types, too: d values one behind the other.
constexpr size_t row_bytes(DType dtype, size_t d) {
  const size_t groups = groups_of(d);
  if (dtype == DType::int8) return round_up(groups * kGroup + sizeof(float), 64);
  if (dtype == DType::int4) return round_up(groups * (kGroup / 2 + 2), 64);
  return d * size_of(dtype);
}

/// Bytes of the scales at the front of a panel.
constexpr size_t panel_scale_bytes(DType dtype, size_t k) {
  return dtype == DType::int8 ? kPanel * sizeof(float) : round_up(groups_of(k) * kPanel * 2, 64);
}

/// Bytes of a panel of products over k terms.
constexpr size_t panel_bytes(DType dtype, size_t k) {
  const size_t values = groups_of(k) * kGroup * kPanel;
  return panel_scale_bytes(dtype, k) + (dtype == DType::int8 ? values : values / 2);
}

/// Bytes of a matrix [n, k] in panels; of a float type, row by row.
constexpr size_t matrix_bytes(DType dtype, size_t n, size_t k) {
  if (!is_quantized(dtype)) return n * k * size_of(dtype);
  return round_up(n, kPanel) / kPanel * panel_bytes(dtype, k);
}

/// A tensor's packing: a number of equal parts.
struct PackedShape {
  bool panels;    // else rows
  size_t stacks;  // matrices [n, k], or rows of k values with n = 1
  size_t n;
  size_t k;    // of a kernel: with the padding of its runs
  size_t run;  // values that stand together; k but for a kernel
};

/// The shape that a tensor of a float type has in a file: a kernel's runs stand one behind the
/// other.
Shape float_shape(TensorKind kind, const Shape& shape);

/// Shapes of `vector` and `keys` are not packed.
PackedShape packed_shape(TensorKind kind, const Shape& shape);

/// Bytes of a whole tensor of any type.
size_t bytes_of(DType dtype, TensorKind kind, const Shape& shape);

/// The bytes as an array: the shape with its rows, or its panels, as bytes.
Shape byte_shape(DType dtype, TensorKind kind, const Shape& shape);

/// The type that a tensor of that use has in a model of type `model_type`. At 4 bits, what a whole
/// row or a choice hangs on keeps 8.
DType type_for(TensorKind kind, DType model_type);

}  // namespace terse
