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
  const auto whole = [](bool panels, size_t stacks, size_t n, size_t k) {
    return PackedShape{panels, stacks, n, k, k};
  };
  if (rank < 2) return whole(false, 1, 1, product(shape, rank));
  switch (kind) {
    case TensorKind::matrix:
      return whole(true, product(shape, rank - 2), shape[rank - 2], shape[rank - 1]);
    case TensorKind::kernel:
      return {true, 1, shape[0], shape[1] * groups_of(shape[2]) * kGroup, shape[2]};
    case TensorKind::columns:
      return whole(true, product(shape, rank - 2), shape[rank - 1], shape[rank - 2]);
    default:
      return whole(false, product(shape, rank - 1), 1, shape[rank - 1]);
  }
}

Shape float_shape(TensorKind kind, const Shape& shape) {
  if (kind != TensorKind::kernel) return shape;
  return {shape[0], shape[1] * shape[2]};
}

size_t bytes_of(DType dtype, TensorKind kind, const Shape& shape) {
  if (!is_quantized(dtype)) return product(shape, shape.size()) * size_of(dtype);
  const PackedShape packed = packed_shape(kind, shape);
  return packed.stacks *
         (packed.panels ? matrix_bytes(dtype, packed.n, packed.k) : row_bytes(dtype, packed.k));
}

Shape byte_shape(DType dtype, TensorKind kind, const Shape& shape) {
  const PackedShape packed = packed_shape(kind, shape);
  // A kernel is one matrix; elsewhere the last two extents are the matrix, or the last one the row.
  const size_t inner = kind == TensorKind::kernel ? 3 : packed.panels ? 2 : shape.empty() ? 0 : 1;
  Shape bytes(shape.begin(), shape.end() - std::ptrdiff_t(inner));
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
