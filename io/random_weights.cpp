#include "io/random_weights.h"

#include <bit>
#include <cmath>
#include <functional>

#include "core/error.h"

namespace terse {
namespace {

// A small generator (splitmix64): its quality is enough for values that only have to be spread out.
class Generator {
 public:
  explicit Generator(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  /// Uniform in [-1, 1).
  float uniform() { return float(int32_t(next() >> 32)) * 0x1p-31f; }

 private:
  uint64_t state_;
};

uint64_t hash_of(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : name) hash = (hash ^ uint8_t(c)) * 0x100000001b3u;
  return hash;
}

void fill_matrix(Generator& generator, const Tensor& tensor, std::byte* data) {
  const float range = std::sqrt(3.0f / float(tensor.shape.back()));
  const size_t n = tensor.size();
  auto* floats = reinterpret_cast<float*>(data);
  auto* halves = reinterpret_cast<uint16_t*>(data);
  for (size_t i = 0; i < n; ++i) {
    const float value = range * generator.uniform();
    if (tensor.dtype == DType::f32) {
      floats[i] = value;
    } else {
      halves[i] = uint16_t(std::bit_cast<uint32_t>(value) >> 16);
    }
  }
}

void fill(Generator& generator, std::string_view name, TensorKind kind, const Tensor& tensor,
          std::byte* data) {
  switch (kind) {
    case TensorKind::vector: {
      const float value = name.ends_with("scale") ? 1.0f : 0.0f;
      std::fill_n(reinterpret_cast<float*>(data), tensor.size(), value);
      return;
    }
    case TensorKind::keys: {
      auto* keys = reinterpret_cast<uint32_t*>(data);
      for (size_t i = 0; i < tensor.size(); ++i) keys[i] = uint32_t(generator.next());
      return;
    }
    default:
      return fill_matrix(generator, tensor, data);
  }
}

DType type_of(TensorKind kind, DType matrix_type) {
  switch (kind) {
    case TensorKind::vector:
      return DType::f32;
    case TensorKind::keys:
      return DType::u32;
    default:
      return matrix_type;
  }
}

}  // namespace

Tensor RandomWeights::get(std::string_view name, const Shape& shape, TensorKind kind) const {
  const auto found = made_.find(name);
  if (found != made_.end()) {
    if (found->second.tensor.shape == shape) return found->second.tensor;
    throw ModelError("tensor '" + std::string(name) + "' is asked for as " + to_string(shape) +
                     " and as " + to_string(found->second.tensor.shape));
  }
  Tensor tensor{type_of(kind, matrix_type_), shape, nullptr};
  const size_t bytes = tensor.size() * size_of(tensor.dtype);
  AnonymousMemory memory(bytes);
  Generator generator(seed_ ^ hash_of(name));
  fill(generator, name, kind, tensor, memory.bytes().data());
  tensor.data = memory.bytes().data();
  parameters_ += tensor.size();
  total_bytes_ += bytes;
  made_.emplace(name, Made{std::move(memory), tensor});
  return tensor;
}

}  // namespace terse
