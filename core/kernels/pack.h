// Quantising weights into the packings of core/packing.h, and back. Plain code: it runs once for a
// model.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/packing.h"

namespace terse::kernels {

/// Quantises one row. x: [d]. out: row_bytes(dtype, d) bytes.
void pack_row(const float* x, size_t d, DType dtype, std::byte* out);

/// Quantises a matrix. Element (i, j) of [n, k] is x[i * row_stride + j * column_stride]; a k with
/// padding consists of runs of `run` elements, each padded to whole groups. out:
/// matrix_bytes(dtype, n, k) bytes.
void pack_panels(const float* x, size_t row_stride, size_t column_stride, size_t n, size_t k,
                 size_t run, DType dtype, std::byte* out);

/// Quantises a whole tensor of floats in the order of its shape. out: bytes_of(dtype, kind, shape).
void pack(const float* x, TensorKind kind, const Shape& shape, DType dtype, std::byte* out);

/// The same in parts, so that threads can share a tensor: units begin .. end of pack_units().
size_t pack_units(TensorKind kind, const Shape& shape);
void pack_part(const float* x, TensorKind kind, const Shape& shape, DType dtype, size_t begin,
               size_t end, std::byte* out);

/// Gives all scales of one row or panel over k values the same value.
void set_scales(DType dtype, bool panel, size_t k, float scale, std::byte* packed);

/// The upper halves of floats, rounded to nearest even.
void to_bf16(const float* x, size_t n, uint16_t* out);

/// The floats that a packed tensor stands for, in the order of its shape.
void unpack(const std::byte* packed, TensorKind kind, const Shape& shape, DType dtype, float* out);

/// The value at (i, j) of a matrix in panels, or at (0, j) of a row.
float unpack_panels(const std::byte* packed, DType dtype, size_t k, size_t i, size_t j);
float unpack_row(const std::byte* packed, DType dtype, size_t d, size_t j);

}  // namespace terse::kernels
