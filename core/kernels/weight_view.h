// What a kernel needs to know of an array of weights or of a cache: where it is and how it is
// stored.
#pragma once

#include <cstddef>

#include "core/packing.h"
#include "core/tensor.h"

namespace terse::kernels {

/// A row-major array in one of the types that kernels read. The caller knows the extents.
struct WeightView {
  const std::byte* data = nullptr;
  DType dtype = DType::f32;

  WeightView() = default;
  WeightView(const std::byte* bytes, DType type) : data(bytes), dtype(type) {}
  WeightView(const float* values)  // NOLINT(google-explicit-constructor): a float array is a view
      : data(reinterpret_cast<const std::byte*>(values)) {}
  WeightView(const Tensor& tensor)  // NOLINT(google-explicit-constructor): so is a tensor
      : data(tensor.data), dtype(tensor.dtype) {}

  /// The view that starts `elements` later; for a type that is not quantised.
  WeightView from(size_t elements) const { return {data + elements * size_of(dtype), dtype}; }

  /// From row `first` on of an array with rows of d values.
  WeightView row(size_t first, size_t d) const {
    return {data + first * row_bytes(dtype, d), dtype};
  }
  /// From output `first` on of a matrix [n, k]; a multiple of kPanel if the type is quantised.
  WeightView outputs(size_t first, size_t k) const {
    return {data + matrix_bytes(dtype, first, k), dtype};
  }
  /// The i-th of a stack of matrices [n, k].
  WeightView matrix(size_t i, size_t n, size_t k) const {
    return {data + i * matrix_bytes(dtype, n, k), dtype};
  }
};

}  // namespace terse::kernels
