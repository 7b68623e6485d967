#include "core/packing.h"

namespace terse {
namespace {

size_t product(const Shape& shape, size_t end) {
  size_t result = 1;
  for (size_t i = 0; i < end; ++i) result *= shape[i];
  return result;
}

}  // namespace

PackedShape packed_shape(TensorKind kind, const Shape& shape) {
  const size_t rank = shape.size();
  switch (kind) {
    case TensorKind::matrix:
      return {true, product(shape, rank - 2), shape[rank - 2], shape[rank - 1]};
    case TensorKind::columns:
      return {true, product(shape, rank - 2), shape[rank - 1], shape[rank - 2]};
    default:
      return {false, product(shape, rank - 1), 1, shape[rank - 1]};
  }
}

size_t bytes_of(DType dtype, TensorKind kind, const Shape& shape) {
  if (!is_quantized(dtype)) return product(shape, shape.size()) * size_of(dtype);
  const PackedShape packed = packed_shape(kind, shape);
  return packed.stacks *
         (packed.panels ? matrix_bytes(dtype, packed.n, packed.k) : row_bytes(dtype, packed.k));
}

}  // namespace terse
