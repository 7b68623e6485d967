// The finished texts of a beam search, and when it need not go on.
#pragma once

#include <cstdint>
#include <vector>

#include "core/decoding/generate.h"

namespace terse {

/// One text that a beam search found.
struct Hypothesis {
  std::vector<int32_t> tokens;  // without the end symbol
  Finish finish;                // eos or length
  double logprob;               // natural logarithm of its probability under the model, as score()
                                // sums it up; the end symbol counts
  double score;                 // what it was ranked by
};

/// When a beam search ends before its longest text. The names are Hugging Face's, where
/// early_stopping is True, False or "never".
enum class EarlyStopping {
  always,     // as soon as there are enough finished texts
  heuristic,  // when no unfinished text, were it to end at its present length, is better
  never,      // when no unfinished text can become better, however long
};

/// log-probability / length^length_penalty, as Hugging Face has it: above 0 favours long texts,
/// below 0 short ones. `length` counts the end symbol.
double normalized_score(double logprob, size_t length, double length_penalty);

/// The best `capacity` finished texts so far.
class Hypotheses {
 public:
  Hypotheses(size_t capacity, double length_penalty, EarlyStopping early_stopping);

  /// `ranked` is the log-probability that decides, `length` counts the end symbol. Of equals, the
  /// one that came first is better.
  void add(std::vector<int32_t> tokens, Finish finish, double logprob, double ranked,
           size_t length);

  /// Whether unfinished texts need not be followed. The best of them has the log-probability
  /// `ranked` at `length` tokens and can grow to max_length.
  bool complete(double ranked, size_t length, size_t max_length) const;

  /// The best n, best first. Leaves nothing behind.
  std::vector<Hypothesis> take_best(size_t n);

 private:
  size_t capacity_;
  double length_penalty_;
  EarlyStopping early_stopping_;
  std::vector<Hypothesis> found_;  // best first
};

}  // namespace terse
