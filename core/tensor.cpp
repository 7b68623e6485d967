#include "core/tensor.h"

namespace terse {

const char* name_of(DType type) {
  switch (type) {
    case DType::f32:
      return "f32";
    case DType::bf16:
      return "bf16";
    case DType::u32:
      return "u32";
    case DType::int8:
      return "int8";
    case DType::int4:
      return "int4";
  }
  return "unknown";
}

std::string to_string(const Shape& shape) {
  std::string text;
  for (size_t extent : shape) text += (text.empty() ? "" : "x") + std::to_string(extent);
  return text.empty() ? "scalar" : text;
}

size_t Tensor::size() const {
  size_t product = 1;
  for (size_t extent : shape) product *= extent;
  return product;
}

}  // namespace terse
