// Rules that make tokens less likely, or forbid them, because of what the text already holds. They
// hold for greedy decoding, sampling and beam search alike.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace terse {

/// "History" is the target so far: the prompt and what was generated after it, without the start
/// symbol. A source is no part of it.
struct PenaltyOptions {
  float repetition_penalty = 1;  // 1 is off
  size_t no_repeat_ngram = 0;    // 0 is off
  size_t min_tokens = 0;         // the end symbol is forbidden before that many
};

/// Throws UsageError for a value out of range, naming it.
void validate(const PenaltyOptions& options);

/// For each token of `history`, once: a score above 0 is divided by `penalty`, one below is
/// multiplied by it (CTRL, Keskar et al. 2019, section 4.1). Scores stay finite. `seen` [vocab]
/// is all zero before and after.
void penalize_repetition(std::span<const int32_t> history, float penalty, std::span<uint8_t> seen,
                         std::span<float> scores);

/// Sets one score to -infinity, unless all others are there already.
void forbid_token(int32_t token, std::span<float> scores);

/// Sets to -infinity what would complete an n-gram that `history` already holds. If that would
/// leave nothing, the best score stays. n >= 1.
void forbid_repeated_ngrams(std::span<const int32_t> history, size_t n, std::span<float> scores);

/// The rules of one set of options, applied in this order: repetition penalty, minimum length,
/// no-repeat n-gram. Keeps nothing of a sequence, so beams can share it; used by one thread.
class Penalties {
 public:
  /// Scores have `vocab` entries; `eos` is the end symbol.
  Penalties(const PenaltyOptions& options, size_t vocab, int32_t eos);

  /// What the rules make of `logits` [vocab], which may be `logits` itself; otherwise it is valid
  /// until the next call. At least one score stays finite. Allocates nothing.
  std::span<const float> apply(std::span<const float> logits, std::span<const int32_t> history,
                               size_t n_generated);

 private:
  PenaltyOptions options_;
  int32_t eos_;
  std::vector<float> scores_;  // [vocab]; empty if no rule is on
  std::vector<uint8_t> seen_;  // [vocab]
};

}  // namespace terse
