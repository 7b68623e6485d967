#include "core/weights.h"

#include "core/error.h"

namespace terse {

Weights Weights::operator/(std::string_view part) const {
  return Weights(*source_, full_name(part));
}

std::string Weights::full_name(std::string_view name) const {
  return prefix_.empty() ? std::string(name) : prefix_ + "." + std::string(name);
}

bool Weights::contains(std::string_view name) const {
  return source_->contains(full_name(name));
}

Tensor Weights::matrix(std::string_view name, const Shape& shape, TensorKind kind) const {
  const Tensor tensor = source_->get(full_name(name), shape, kind);
  if (tensor.dtype == DType::u32) {
    throw ModelError("tensor '" + full_name(name) + "' has type u32, expected a type of weights");
  }
  return tensor;
}

Tensor Weights::typed(std::string_view name, const Shape& shape, TensorKind kind,
                      DType dtype) const {
  const Tensor tensor = source_->get(full_name(name), shape, kind);
  if (tensor.dtype != dtype) {
    throw ModelError("tensor '" + full_name(name) + "' has type " + name_of(tensor.dtype) +
                     ", expected " + name_of(dtype));
  }
  return tensor;
}

std::span<const float> Weights::vector(std::string_view name, const Shape& shape) const {
  const Tensor tensor = typed(name, shape, TensorKind::vector, DType::f32);
  return {tensor.f32(), tensor.size()};
}

std::span<const uint32_t> Weights::uint32s(std::string_view name, const Shape& shape) const {
  const Tensor tensor = typed(name, shape, TensorKind::keys, DType::u32);
  return {tensor.u32(), tensor.size()};
}

}  // namespace terse
