// What a kernel needs to know of an array of weights or of a cache: where it is and how it is
// stored.
#pragma once

#include <cstddef>

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

  /// The view that starts `elements` later.
  WeightView from(size_t elements) const { return {data + elements * size_of(dtype), dtype}; }
};

}  // namespace terse::kernels
