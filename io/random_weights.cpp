// Filling memory with values at about the speed of memory: a list of random ones is repeated.
#include "io/random_weights.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

#include "core/error.h"
#include "core/kernels/pack.h"

namespace terse {
namespace {

constexpr size_t kAlignment = 64;
// Prime, so that no row of a matrix is another one's copy; small enough to stay in the cache.
constexpr size_t kValues = 262147;
// Values worth waking another thread for.
constexpr size_t kWorthSplitting = size_t{1} << 18;

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

void put(float value, float& to) {
  to = value;
}
void put(float value, uint16_t& to) {
  to = uint16_t(std::bit_cast<uint32_t>(value) >> 16);
}

/// out[i] = range * values[(start + i) % values.size()]
template <class T>
void repeat(const std::vector<float>& values, uint64_t start, float range, size_t n, T* out) {
  size_t at = start % values.size();
  for (size_t done = 0; done < n; at = 0) {
    const size_t count = std::min(n - done, values.size() - at);
    for (size_t i = 0; i < count; ++i) put(range * values[at + i], out[done + i]);
    done += count;
  }
}

/// out[i] = bytes[(start + i) % bytes.size()]
void repeat_bytes(std::span<const std::byte> bytes, uint64_t start, std::span<std::byte> out) {
  size_t at = start % bytes.size();
  for (size_t done = 0; done < out.size(); at = 0) {
    const size_t count = std::min(out.size() - done, bytes.size() - at);
    std::copy_n(bytes.data() + at, count, out.data() + done);
    done += count;
  }
}

}  // namespace

RandomWeights::RandomWeights(DType matrix_type, uint64_t seed, uint64_t bytes, size_t tensors,
                             Threads& threads)
    : matrix_type_(matrix_type),
      seed_(seed),
      threads_(&threads),
      values_(kValues),
      bytes_(kValues),
      memory_(bytes + tensors * kAlignment) {
  Generator generator(seed);
  for (float& value : values_) value = generator.uniform();
  for (std::byte& byte : bytes_) byte = std::byte(generator.next() >> 56);
}

std::byte* RandomWeights::take(size_t bytes) const {
  const size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (rounded > memory_.bytes().size() - used_) {
    throw ModelError("the weights made up for a model need more memory than was planned for them");
  }
  std::byte* data = memory_.bytes().data() + used_;
  used_ += rounded;
  return data;
}

void RandomWeights::fill_matrix(uint64_t start, TensorKind kind, const Tensor& tensor,
                                std::byte* data) const {
  const float range = std::sqrt(3.0f / float(tensor.shape.back()));
  if (is_quantized(tensor.dtype)) return fill_packed(start, range, kind, tensor, data);
  threads_->for_ranges(tensor.size(), kWorthSplitting, [&](size_t begin, size_t end) {
    if (tensor.dtype == DType::bf16) {
      auto* out = reinterpret_cast<uint16_t*>(data);
      repeat(values_, start + begin, range, end - begin, out + begin);
    } else {
      auto* out = reinterpret_cast<float*>(data);
      repeat(values_, start + begin, range, end - begin, out + begin);
    }
  });
}

// A unit is a row or a panel: its scales, and bytes of any value.
void RandomWeights::fill_packed(uint64_t start, float range, TensorKind kind, const Tensor& tensor,
                                std::byte* data) const {
  const PackedShape shape = packed_shape(kind, tensor.shape);
  const size_t units = kernels::pack_units(kind, tensor.shape);
  const size_t unit_bytes =
      shape.panels ? panel_bytes(tensor.dtype, shape.k) : row_bytes(tensor.dtype, shape.k);
  const float scale = range / (tensor.dtype == DType::int8 ? 127.0f : 7.5f);
  threads_->for_ranges(units, kWorthSplitting / unit_bytes + 1, [&](size_t begin, size_t end) {
    repeat_bytes(bytes_, start + begin * unit_bytes,
                 std::span(data + begin * unit_bytes, (end - begin) * unit_bytes));
    for (size_t i = begin; i < end; ++i) {
      kernels::set_scales(tensor.dtype, shape.panels, shape.k, scale, data + i * unit_bytes);
    }
  });
}

void RandomWeights::fill(std::string_view name, TensorKind kind, const Tensor& tensor,
                         std::byte* data) const {
  Generator generator(seed_ ^ hash_of(name));
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
      return fill_matrix(generator.next() % kValues, kind, tensor, data);
  }
}

Tensor RandomWeights::get(std::string_view name, const Shape& shape, TensorKind kind) const {
  const auto found = made_.find(name);
  if (found != made_.end()) {
    if (found->second.shape == shape) return found->second;
    throw ModelError("tensor '" + std::string(name) + "' is asked for as " + to_string(shape) +
                     " and as " + to_string(found->second.shape));
  }
  Tensor tensor{type_for(kind, matrix_type_), shape, nullptr};
  std::byte* data = take(bytes_of(tensor.dtype, kind, shape));
  fill(name, kind, tensor, data);
  tensor.data = data;
  made_.emplace(name, tensor);
  return tensor;
}

}  // namespace terse
