#include "app/model_check.h"

#include <fmt/core.h>

#include <cmath>
#include <span>

#include "core/kernels/pack.h"
#include "core/kernels/vector.h"

namespace terse {
namespace {

struct NonFinite {
  size_t n_nan = 0;
  size_t n_infinite = 0;
  size_t first = 0;
};

/// The values as floats. Those of a quantised tensor hang on its scales, so they show any damage of
/// them.
std::vector<float> values_of(const Tensor& tensor, const SafetensorsFile::Use* use) {
  std::vector<float> values(tensor.size());
  if (!is_quantized(tensor.dtype)) {
    kernels::widen(tensor, values.size(), values.data());
  } else if (use != nullptr) {
    kernels::unpack(tensor.data, use->kind, use->shape, tensor.dtype, values.data());
  }
  return values;
}

NonFinite count_non_finite(std::span<const float> values) {
  NonFinite found;
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    if (found.n_nan + found.n_infinite == 0) found.first = i;
    ++(std::isnan(values[i]) ? found.n_nan : found.n_infinite);
  }
  return found;
}

}  // namespace

std::vector<std::string> tensors_with_non_finite_values(const SafetensorsFile& weights) {
  std::vector<std::string> lines;
  weights.for_each(
      [&](const std::string& name, const Tensor& tensor, const SafetensorsFile::Use* use) {
        if (tensor.dtype == DType::u32) return;
        const NonFinite found = count_non_finite(values_of(tensor, use));
        if (found.n_nan + found.n_infinite == 0) return;
        lines.push_back(fmt::format("{}: {} NaN, {} infinite, the first at element {} of {}", name,
                                    found.n_nan, found.n_infinite, found.first,
                                    to_string(tensor.shape)));
      });
  return lines;
}

}  // namespace terse
