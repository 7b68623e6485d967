#include "core/decoding/sampler.h"

#include <cmath>
#include <string>

#include "core/decoding/random.h"
#include "core/error.h"
#include "core/kernels/vector.h"

namespace terse {
namespace {

void require_share(const char* name, double value) {
  if (value >= 0 && value <= 1) return;
  throw UsageError(std::string(name) + " is " + std::to_string(value) +
                   ", expected a number from 0 to 1");
}

// The token that a draw from [0, 1) falls on when each has its share of it.
int32_t token_at(double draw, const std::vector<Candidate>& candidates) {
  double total = 0;
  for (const Candidate& candidate : candidates) total += candidate.weight;
  double passed = 0;
  for (const Candidate& candidate : candidates) {
    passed += candidate.weight;
    if (passed > draw * total) return candidate.token;
  }
  return candidates.back().token;  // the product was rounded up to the total
}

}  // namespace

void validate(const SamplingOptions& options) {
  if (!(options.temperature >= 0) || !std::isfinite(options.temperature)) {
    throw UsageError("temperature is " + std::to_string(options.temperature) +
                     ", expected a finite number of at least 0 (0 takes the best token)");
  }
  require_share("top-p", options.top_p);
  require_share("min-p", options.min_p);
}

Sampler::Sampler(const SamplingOptions& options, uint64_t record, size_t vocab)
    : options_(options), record_(record) {
  if (options.temperature == 0) return;
  weights_.resize(vocab);
  candidates_.reserve(vocab);
}

int32_t Sampler::pick(std::span<const float> scores, size_t step) {
  if (options_.temperature == 0) return int32_t(kernels::argmax(scores.data(), scores.size()));
  kernels::softmax_weights(scores.data(), scores.size(), options_.temperature, weights_.data());
  gather(scores, weights_, candidates_);
  keep_top_k(candidates_, options_.top_k);
  keep_top_p(candidates_, options_.top_p);
  keep_min_p(candidates_, options_.min_p);
  return token_at(uniform(options_.seed, record_, step), candidates_);
}

}  // namespace terse
