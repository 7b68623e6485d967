// Views of activations: row-major blocks of floats that somebody else owns.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <cstring>
#include <span>

namespace terse {

/// [rows, cols] floats, rows `stride` apart. T is float or const float.
template <class T>
struct BasicMatrix {
  T* data = nullptr;
  size_t rows = 0;
  size_t cols = 0;
  size_t stride = 0;

  BasicMatrix() = default;
  BasicMatrix(T* values, size_t n_rows, size_t n_cols)
      : data(values), rows(n_rows), cols(n_cols), stride(n_cols) {}
  BasicMatrix(T* values, size_t n_rows, size_t n_cols, size_t row_stride)
      : data(values), rows(n_rows), cols(n_cols), stride(row_stride) {}

  /// A mutable view is also a constant one.
  operator BasicMatrix<const T>() const {  // NOLINT(google-explicit-constructor)
    return {data, rows, cols, stride};
  }

  T* row(size_t i) const { return data + i * stride; }
  std::span<T> row_span(size_t i) const { return {row(i), cols}; }
  BasicMatrix middle_rows(size_t begin, size_t count) const {
    return {row(begin), count, cols, stride};
  }
  BasicMatrix bottom_rows(size_t count) const { return middle_rows(rows - count, count); }
  BasicMatrix middle_cols(size_t begin, size_t count) const {
    return {data + begin, rows, count, stride};
  }
};

using Matrix = BasicMatrix<float>;
using ConstMatrix = BasicMatrix<const float>;

using EigenMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The same values as an Eigen expression, for element-wise algebra.
inline auto as_eigen(const Matrix& m) {
  return Eigen::Map<EigenMatrix, 0, Eigen::OuterStride<>>(m.data, m.rows, m.cols,
                                                          Eigen::OuterStride<>(m.stride));
}
inline auto as_eigen(const ConstMatrix& m) {
  return Eigen::Map<const EigenMatrix, 0, Eigen::OuterStride<>>(m.data, m.rows, m.cols,
                                                                Eigen::OuterStride<>(m.stride));
}

inline void copy(ConstMatrix from, Matrix to) {
  for (size_t i = 0; i < from.rows; ++i) {
    std::memcpy(to.row(i), from.row(i), from.cols * sizeof(float));
  }
}

}  // namespace terse
