// What the tests of quantised kernels share: weights and activations in bytes, with the floats that
// they stand for.
#pragma once

#include <vector>

#include "core/kernels/pack.h"
#include "core/kernels/quantize.h"
#include "tests/core/kernels/kernel_test.h"

namespace terse::kernels {

/// A tensor in a quantised type, and the floats that it stands for.
struct Packed {
  Packed(const std::vector<float>& values, TensorKind kind, const Shape& shape, DType type)
      : dtype(type), bytes(bytes_of(type, kind, shape)) {
    pack(values.data(), kind, shape, type, bytes.data());
  }
  operator WeightView() const {  // NOLINT(google-explicit-constructor): stands for its view
    return {bytes.data(), dtype};
  }

  /// As rows of d values.
  std::vector<float> rows(size_t n, size_t d) const {
    std::vector<float> values;
    for (size_t i = 0; i < n; ++i) {
      const std::byte* row = bytes.data() + i * row_bytes(dtype, d);
      for (size_t j = 0; j < d; ++j) values.push_back(unpack_row(row, dtype, d, j));
    }
    return values;
  }
  /// As a matrix [n, k].
  std::vector<float> matrix(size_t i, size_t n, size_t k) const {
    std::vector<float> values;
    const std::byte* first = bytes.data() + i * matrix_bytes(dtype, n, k);
    for (size_t j = 0; j < n * k; ++j) {
      values.push_back(unpack_panels(first, dtype, k, j / k, j % k));
    }
    return values;
  }

  DType dtype;
  std::vector<std::byte> bytes;
};

/// Rows of activations in bytes, and the floats that they stand for.
struct Bytes {
  Bytes(const std::vector<float>& x, size_t m, size_t k) : Bytes(x, m, k, span_of(groups_of(k))) {}
  Bytes(const std::vector<float>& x, size_t m, size_t k, size_t span)
      : groups(groups_of(k)), values(m * groups * kGroup), scales(m * groups), sums(m * groups) {
    for (size_t i = 0; i < m; ++i) {
      const size_t g = i * groups;
      quantize(x.data() + i * k, k, span, {values.data() + g * kGroup, &scales[g], &sums[g]});
    }
    rows.values = values.data();
    rows.scales = scales.data();
    rows.sums = sums.data();
    rows.m = m;
    rows.groups = groups;
    rows.span = span;
    rows.position_stride = groups;
  }
  float at(size_t i, size_t k, size_t j) const {
    return scales[i * groups + j / kGroup] * values[i * groups * kGroup + j + 0 * k];
  }

  size_t groups;
  std::vector<int8_t> values;
  std::vector<float> scales;
  std::vector<int32_t> sums;
  QuantizedRows rows;
};

template <class Test>
inline void for_each_isa_and_quantized_type(Test&& test) {
  for_each_isa([&] {
    for (const DType dtype : {DType::int8, DType::int4}) {
      INFO(name_of(dtype));
      test(dtype);
    }
  });
}

}  // namespace terse::kernels
