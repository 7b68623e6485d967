// Typed views of weights: what a kernel needs to know about an array that it does not own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace terse {

/// int8 and int4 are packed with their scales (core/packing.h).
enum class DType : uint8_t { f32, bf16, u32, int8, int4 };

constexpr bool is_quantized(DType type) {
  return type == DType::int8 || type == DType::int4;
}

/// Bytes of a value; for a type that is not quantised.
constexpr size_t size_of(DType type) {
  return type == DType::bf16 ? 2 : 4;
}

/// "f32", "bf16", "u32", "int8", "int4".
const char* name_of(DType type);

using Shape = std::vector<size_t>;

/// "8000x256".
std::string to_string(const Shape& shape);

/// A row-major (or packed) array that somebody else owns. Immutable, so it may be shared between
/// threads.
struct Tensor {
  DType dtype = DType::f32;
  Shape shape;
  const std::byte* data = nullptr;

  size_t rows() const { return shape.empty() ? 0 : shape[0]; }
  size_t size() const;  // elements

  const float* f32() const { return reinterpret_cast<const float*>(data); }
  const uint16_t* bf16() const { return reinterpret_cast<const uint16_t*>(data); }
  const uint32_t* u32() const { return reinterpret_cast<const uint32_t*>(data); }
};

}  // namespace terse
