#include "core/decoding/hypotheses.h"

#include <algorithm>
#include <cmath>

namespace terse {

double normalized_score(double logprob, size_t length, double length_penalty) {
  return logprob / std::pow(double(length), length_penalty);
}

Hypotheses::Hypotheses(size_t capacity, double length_penalty, EarlyStopping early_stopping)
    : capacity_(capacity), length_penalty_(length_penalty), early_stopping_(early_stopping) {}

void Hypotheses::add(std::vector<int32_t> tokens, Finish finish, double logprob, double ranked,
                     size_t length) {
  const double score = normalized_score(ranked, length, length_penalty_);
  const auto place = std::find_if(found_.begin(), found_.end(),
                                  [score](const Hypothesis& found) { return found.score < score; });
  found_.insert(place, {std::move(tokens), finish, logprob, score});
  if (found_.size() > capacity_) found_.pop_back();
}

bool Hypotheses::complete(double ranked, size_t length, size_t max_length) const {
  if (found_.size() < capacity_) return false;
  if (early_stopping_ == EarlyStopping::always) return true;
  // Log-probabilities only fall. With a positive penalty the score still gains by length.
  const bool length_helps = early_stopping_ == EarlyStopping::never && length_penalty_ > 0;
  const size_t best_length = length_helps ? max_length : length;
  return normalized_score(ranked, best_length, length_penalty_) <= found_.back().score;
}

std::vector<Hypothesis> Hypotheses::take_best(size_t n) {
  found_.resize(std::min(n, found_.size()));
  return std::move(found_);
}

}  // namespace terse
