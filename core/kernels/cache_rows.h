// Rows of one head's keys or values as a cache stores them, and how floats become that.
#pragma once

#include <cstddef>

#include "core/cache_type.h"

namespace terse::kernels {

/// Rows that somebody else owns. Whoever gets them knows how many there are and how long.
struct CacheRows {
  const std::byte* data = nullptr;
  CacheType type = CacheType::f32;
  const float* scales = nullptr;  // of int8: row j stands for scales[j] times its integers

  CacheRows() = default;
  CacheRows(const std::byte* bytes, CacheType stored_as, const float* row_scales)
      : data(bytes), type(stored_as), scales(row_scales) {}
  CacheRows(const float* values)  // NOLINT(google-explicit-constructor): float arrays are rows
      : data(reinterpret_cast<const std::byte*>(values)) {}

  /// The rows from `row` on, where rows are `d` elements apart.
  CacheRows from(size_t row, size_t d) const {
    return {data + row * d * size_of(type), type, scales == nullptr ? nullptr : scales + row};
  }
};

/// Where store_rows() writes: row i starts i * stride bytes after the first, its scale stands at
/// scales[i * scale_stride].
struct StoredRows {
  std::byte* data;
  size_t stride;
  CacheType type;
  float* scales;  // of int8
  size_t scale_stride;
};

/// Stores n rows of d floats, which stand one behind the other.
///
/// bf16: rounded to nearest even, NaN stays NaN. int8: symmetric, rounded to nearest even; the
/// largest absolute value of a row is 127 of its scale. A row below 1e-30 becomes zero; one that
/// holds NaN or infinity gets the scale NaN, so that it shows.
void store_rows(const float* x, size_t n, size_t d, const StoredRows& to);

/// scores[j] = scale * <q, rows[j]>    for j < n. q: [d]. rows: [n, d].
void score_rows(const float* q, CacheRows rows, size_t n, size_t d, float scale, float* scores);

/// y += the first row. y: [d].
void add_row(CacheRows row, size_t d, float* y);

}  // namespace terse::kernels
