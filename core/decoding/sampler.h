// Picks the next token from its scores: the best one, or one by chance.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/decoding/candidates.h"

namespace terse {

struct SamplingOptions {
  float temperature = 0;  // 0: always the best token, and the rest has no effect
  size_t top_k = 0;       // 0 is off
  double top_p = 1;       // 1 is off
  double min_p = 0;       // 0 is off
  uint64_t seed = 0;
};

/// Throws UsageError for a value out of range, naming it.
void validate(const SamplingOptions& options);

/// Applies, in this order: temperature, top-k, top-p (of what top-k left), min-p (of what top-p
/// left). Chance depends on the seed, the record and the step only. Used by one thread.
class Sampler {
 public:
  /// Scores have `vocab` entries; `record` is the record_key() of what is decoded.
  Sampler(const SamplingOptions& options, uint64_t record, size_t vocab);

  /// The token of one step. Scores of -infinity are out of the question; one at least must be
  /// finite, and none NaN or infinity. Allocates nothing.
  int32_t pick(std::span<const float> scores, size_t step);

 private:
  SamplingOptions options_;
  uint64_t record_;
  std::vector<float> weights_;  // [vocab]; empty without chance
  std::vector<Candidate> candidates_;
};

}  // namespace terse
