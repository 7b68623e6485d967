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
  if (rank < 2) return {false, 1, 1, product(shape, rank)};
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

Shape byte_shape(DType dtype, TensorKind kind, const Shape& shape) {
  const PackedShape packed = packed_shape(kind, shape);
  Shape bytes(shape.begin(), shape.end() - (packed.panels ? 2 : shape.empty() ? 0 : 1));
  if (packed.panels) bytes.push_back(round_up(packed.n, kPanel) / kPanel);
  bytes.push_back(packed.panels ? panel_bytes(dtype, packed.k) : row_bytes(dtype, packed.k));
  return bytes;
}

DType type_for(TensorKind kind, DType model_type) {
  switch (kind) {
    case TensorKind::vector:
      return DType::f32;
    case TensorKind::keys:
      return DType::u32;
    case TensorKind::columns:
    case TensorKind::gates:
    case TensorKind::table:
      return model_type == DType::int4 ? DType::int8 : model_type;
    default:
      return model_type;
  }
}

}  // namespace terse
