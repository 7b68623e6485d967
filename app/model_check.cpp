#include "app/model_check.h"

#include <fmt/core.h>

#include <bit>

namespace terse {
namespace {

struct NonFinite {
  size_t n_nan = 0;
  size_t n_infinite = 0;
  size_t first = 0;
};

/// bfloat16 is the upper half of a float.
uint32_t float_bits(const Tensor& tensor, size_t i) {
  if (tensor.dtype == DType::bf16) return uint32_t(tensor.bf16()[i]) << 16;
  return std::bit_cast<uint32_t>(tensor.f32()[i]);
}

NonFinite count_non_finite(const Tensor& tensor) {
  NonFinite found;
  for (size_t i = 0; i < tensor.size(); ++i) {
    const uint32_t bits = float_bits(tensor, i) & 0x7fffffff;
    if (bits < 0x7f800000) continue;
    if (found.n_nan + found.n_infinite == 0) found.first = i;
    ++(bits == 0x7f800000 ? found.n_infinite : found.n_nan);
  }
  return found;
}

}  // namespace

std::vector<std::string> tensors_with_non_finite_values(const SafetensorsFile& weights) {
  std::vector<std::string> lines;
  weights.for_each([&](const std::string& name, const Tensor& tensor) {
    if (tensor.dtype != DType::f32 && tensor.dtype != DType::bf16) return;
    const NonFinite found = count_non_finite(tensor);
    if (found.n_nan + found.n_infinite == 0) return;
    lines.push_back(fmt::format("{}: {} NaN, {} infinite, the first at element {} of {}", name,
                                found.n_nan, found.n_infinite, found.first,
                                to_string(tensor.shape)));
  });
  return lines;
}

}  // namespace terse
