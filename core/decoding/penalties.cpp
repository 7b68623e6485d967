#include "core/decoding/penalties.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/kernels/vector.h"

namespace terse {
namespace {

using Limits = std::numeric_limits<float>;

constexpr float kForbidden = -Limits::infinity();

}  // namespace

void validate(const PenaltyOptions& options) {
  if (!(options.repetition_penalty > 0) || !std::isfinite(options.repetition_penalty)) {
    throw UsageError("repetition penalty is " + std::to_string(options.repetition_penalty) +
                     ", expected a finite number above 0 (1 is off)");
  }
}

void penalize_repetition(std::span<const int32_t> history, float penalty, std::span<uint8_t> seen,
                         std::span<float> scores) {
  for (const int32_t token : history) {
    if (seen[size_t(token)]) continue;
    seen[size_t(token)] = 1;
    float& score = scores[size_t(token)];
    const float penalized = score > 0 ? score / penalty : score * penalty;
    score = std::clamp(penalized, Limits::lowest(), Limits::max());
  }
  for (const int32_t token : history) seen[size_t(token)] = 0;
}

void forbid_token(int32_t token, std::span<float> scores) {
  float& score = scores[size_t(token)];
  const float before = score;
  score = kForbidden;
  if (scores[kernels::argmax(scores.data(), scores.size())] == kForbidden) score = before;
}

void forbid_repeated_ngrams(std::span<const int32_t> history, size_t n, std::span<float> scores) {
  if (history.size() < n) return;
  const size_t best = kernels::argmax(scores.data(), scores.size());
  const float best_score = scores[best];
  const auto tail = history.last(n - 1);
  for (size_t i = 0; i + n <= history.size(); ++i) {
    if (std::equal(tail.begin(), tail.end(), history.begin() + long(i))) {
      scores[size_t(history[i + n - 1])] = kForbidden;
    }
  }
  const float left = scores[kernels::argmax(scores.data(), scores.size())];
  if (left == kForbidden) scores[best] = best_score;
}

Penalties::Penalties(const PenaltyOptions& options, size_t vocab, int32_t eos)
    : options_(options), eos_(eos) {
  if (options.repetition_penalty != 1) seen_.resize(vocab);
  if (options.repetition_penalty != 1 || options.no_repeat_ngram > 0 || options.min_tokens > 0) {
    scores_.resize(vocab);
  }
}

std::span<const float> Penalties::apply(std::span<const float> logits,
                                        std::span<const int32_t> history, size_t n_generated) {
  const bool too_short =
      n_generated < options_.min_tokens && eos_ >= 0 && size_t(eos_) < logits.size();
  if (seen_.empty() && options_.no_repeat_ngram == 0 && !too_short) return logits;
  std::copy(logits.begin(), logits.end(), scores_.begin());
  if (!seen_.empty()) penalize_repetition(history, options_.repetition_penalty, seen_, scores_);
  if (too_short) forbid_token(eos_, scores_);
  if (options_.no_repeat_ngram > 0) {
    forbid_repeated_ngrams(history, options_.no_repeat_ngram, scores_);
  }
  return scores_;
}

}  // namespace terse
