#include "core/traffic.h"

#include <algorithm>

namespace terse {
namespace {

uint64_t product(std::span<const size_t> extents) {
  uint64_t result = 1;
  for (const size_t extent : extents) result *= extent;
  return result;
}

/// Whether a token that is decoded reads the tensor. A source has been read by then: its encoder's
/// weights rest, and so do those that made its keys and values.
bool read_while_decoding(std::string_view name) {
  return !name.starts_with("encoder.") &&
         name.find(".cross_attention.key.") == std::string_view::npos &&
         name.find(".cross_attention.value.") == std::string_view::npos;
}

/// One of how many equal parts a token reads, where it does not read all.
uint64_t parts_of(const TensorUse& use) {
  switch (use.kind) {
    case TensorKind::table:
    case TensorKind::experts:
      return use.shape.front();
    case TensorKind::units:
      return use.shape[1];
    default:
      return 1;
  }
}

void add_scattered(const TensorUse& use, WeightTraffic& traffic) {
  const uint64_t parts = parts_of(use);
  traffic.params_scattered += use.parameters() / parts;
  traffic.bytes_scattered += use.bytes() / parts;
  traffic.unit_bytes_held += use.bytes();
  // Blocks of several sizes are rare (a stack that doubles its width): the largest stands for all.
  traffic.row_bytes = std::max(traffic.row_bytes, use.bytes() / (use.shape[0] * parts));
  traffic.units_in_block = std::max(traffic.units_in_block, parts);
}

}  // namespace

uint64_t TensorUse::parameters() const {
  return product(shape);
}

uint64_t TensorUse::bytes() const {
  return bytes_of(dtype, kind, shape);
}

Tensor RecordedWeights::get(std::string_view name, const Shape& shape, TensorKind kind) const {
  const Tensor tensor = source_->get(name, shape, kind);
  if (seen_.emplace(name, uses_.size()).second) {
    uses_.push_back({std::string(name), shape, kind, tensor.dtype});
  }
  return tensor;
}

Tensor ShapesOnly::get(std::string_view, const Shape& shape, TensorKind kind) const {
  Tensor tensor{type_for(kind, matrix_type_), shape, nullptr};
  if (kind == TensorKind::vector || kind == TensorKind::keys) {
    zeros_.emplace_back(tensor.size());
    tensor.data = reinterpret_cast<const std::byte*>(zeros_.back().data());
  }
  return tensor;
}

WeightTraffic weight_traffic(std::span<const TensorUse> uses) {
  WeightTraffic traffic;
  for (const TensorUse& use : uses) {
    traffic.params_held += use.parameters();
    traffic.bytes_held += use.bytes();
    if (!read_while_decoding(use.name)) continue;
    if (use.kind == TensorKind::units) {
      add_scattered(use, traffic);
      continue;
    }
    traffic.params_in_order += use.parameters() / parts_of(use);
    traffic.bytes_in_order += use.bytes() / parts_of(use);
  }
  return traffic;
}

}  // namespace terse
