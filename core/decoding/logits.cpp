#include "core/decoding/logits.h"

#include <bit>
#include <cmath>
#include <string>

#include "core/error.h"
#include "core/kernels/vector.h"

namespace terse {
namespace {

[[noreturn]] void fail(size_t step) {
  throw DecodingError("non-finite logits at step " + std::to_string(step) +
                      ": the model's weights are damaged or overflow on this input");
}

}  // namespace

void require_finite(std::span<const float> logits, size_t step) {
  constexpr uint32_t kExponent = 0x7f800000;  // all ones in infinities and NaN only
  uint32_t n_bad = 0;
  for (const float logit : logits) {
    n_bad += (std::bit_cast<uint32_t>(logit) & kExponent) == kExponent;
  }
  if (n_bad > 0) fail(step);
}

double log_normalizer(std::span<const float> logits, size_t step) {
  const float total = kernels::log_sum_exp(logits.data(), logits.size());
  if (!std::isfinite(total)) fail(step);
  return total;
}

}  // namespace terse
