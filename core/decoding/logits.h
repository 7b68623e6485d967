// What all ways of decoding ask of a model's logits.
#pragma once

#include <cstdint>
#include <span>

namespace terse {

/// Throws DecodingError, naming the step, unless all logits are finite.
void require_finite(std::span<const float> logits, size_t step);

/// log(sum(exp(logits))): a token's log-probability is its logit less this. Throws as
/// require_finite() does if it is not finite.
double log_normalizer(std::span<const float> logits, size_t step);

}  // namespace terse
