// Penalties against plain references, and at their edges.
#include "core/decoding/penalties.h"

#include <catch2/catch.hpp>
#include <limits>
#include <set>

#include "core/decoding/random.h"
#include "core/error.h"

namespace terse::test {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<int32_t> random_history(size_t length, size_t vocab, uint64_t seed) {
  std::vector<int32_t> history;
  for (size_t i = 0; i < length; ++i)
    history.push_back(int32_t(double(vocab) * uniform(seed, 0, i)));
  return history;
}

std::vector<float> random_scores(size_t vocab, uint64_t seed) {
  std::vector<float> scores;
  for (size_t i = 0; i < vocab; ++i) scores.push_back(float(8 * uniform(seed, 1, i) - 4));
  return scores;
}

std::vector<float> apply(Penalties& penalties, const std::vector<float>& logits,
                         const std::vector<int32_t>& history, size_t n_generated) {
  const auto scores = penalties.apply(logits, history, n_generated);
  return {scores.begin(), scores.end()};
}

}  // namespace

TEST_CASE("The repetition penalty is what CTRL defines, once for each token") {
  std::vector<float> scores{2.0f, -1.0f, 0.0f, 3.0f, -4.0f};
  std::vector<uint8_t> seen(5);
  penalize_repetition(std::vector<int32_t>{0, 1, 0, 2, 1, 0}, 2.0f, seen, scores);
  CHECK(scores == std::vector<float>{1.0f, -2.0f, 0.0f, 3.0f, -4.0f});
  CHECK(seen == std::vector<uint8_t>(5));
}

TEST_CASE("A huge or tiny repetition penalty leaves finite scores") {
  const float penalty =
      GENERATE(std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min());
  std::vector<float> scores{2.0f, -1.0f, 30.0f, -30.0f};
  std::vector<uint8_t> seen(4);
  penalize_repetition(std::vector<int32_t>{0, 1, 2, 3}, penalty, seen, scores);
  for (const float score : scores) CHECK(std::isfinite(score));
}

TEST_CASE("No n-gram is completed a second time, and nothing else is forbidden") {
  constexpr size_t kVocab = 5;
  const size_t n = GENERATE(1, 2, 3, 4);
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const auto history = random_history(1 + seed, kVocab, seed);
    const auto before = random_scores(kVocab, seed);
    std::set<std::vector<int32_t>> ngrams;
    for (size_t i = 0; i + n <= history.size(); ++i) {
      ngrams.insert({history.begin() + long(i), history.begin() + long(i + n)});
    }
    std::vector<float> expected = before;
    size_t n_left = kVocab;
    for (size_t token = 0; token < kVocab && history.size() + 1 >= n; ++token) {
      std::vector<int32_t> ngram(history.end() - long(n - 1), history.end());
      ngram.push_back(int32_t(token));
      if (!ngrams.contains(ngram)) continue;
      expected[token] = kForbidden;
      --n_left;
    }
    const size_t best = size_t(std::max_element(before.begin(), before.end()) - before.begin());
    if (n_left == 0) expected[best] = before[best];

    std::vector<float> scores = before;
    forbid_repeated_ngrams(history, n, scores);
    CAPTURE(n, seed);
    CHECK(scores == expected);
  }
}

TEST_CASE("When every n-gram is forbidden the best token stays") {
  std::vector<float> scores{1.0f, 5.0f, 3.0f};
  forbid_repeated_ngrams(std::vector<int32_t>{0, 1, 2}, 1, scores);
  CHECK(scores == std::vector<float>{kForbidden, 5.0f, kForbidden});
}

TEST_CASE("A token that is alone is not forbidden") {
  std::vector<float> scores{kForbidden, 5.0f, kForbidden};
  forbid_token(1, scores);
  CHECK(scores[1] == 5.0f);
  std::vector<float> single{2.0f};
  forbid_token(0, single);
  CHECK(single[0] == 2.0f);
}

TEST_CASE("Without rules the logits pass as they are") {
  Penalties penalties({}, 3, 1);
  const std::vector<float> logits{1.0f, 2.0f, 3.0f};
  CHECK(penalties.apply(logits, std::vector<int32_t>{1, 1}, 0).data() == logits.data());
}

TEST_CASE("The end symbol is forbidden up to the minimum length, and not afterwards") {
  Penalties penalties({.min_tokens = 2}, 3, 1);
  const std::vector<float> logits{1.0f, 2.0f, 0.5f};
  CHECK(apply(penalties, logits, {}, 0) == std::vector<float>{1.0f, kForbidden, 0.5f});
  CHECK(apply(penalties, logits, {0}, 1) == std::vector<float>{1.0f, kForbidden, 0.5f});
  CHECK(apply(penalties, logits, {0, 0}, 2) == logits);
}

TEST_CASE("A minimum length needs no end symbol inside the vocabulary") {
  const int32_t eos = GENERATE(-1, 3);
  Penalties penalties({.min_tokens = 2}, 3, eos);
  const std::vector<float> logits{1.0f, 2.0f, 0.5f};
  CHECK(apply(penalties, logits, {}, 0) == logits);
}

TEST_CASE("The minimum length has priority when n-grams forbid everything else") {
  Penalties penalties({.no_repeat_ngram = 1, .min_tokens = 9}, 3, 1);
  CHECK(apply(penalties, {1.0f, 9.0f, 2.0f}, {0, 2}, 2) ==
        std::vector<float>{kForbidden, kForbidden, 2.0f});
}

TEST_CASE("All rules together follow their order, and calls leave nothing behind") {
  Penalties penalties({.repetition_penalty = 2, .no_repeat_ngram = 2, .min_tokens = 5}, 4, 1);
  const std::vector<float> expected{2.0f, kForbidden, kForbidden, -2.0f};
  for (int i = 0; i < 2; ++i) {
    CHECK(apply(penalties, {4.0f, 8.0f, 3.0f, -1.0f}, {0, 2, 3, 0}, 4) == expected);
  }
}

TEST_CASE("Penalties out of range are refused by name") {
  const float value = GENERATE(values({kNan, kInfinity, 0.0f, -1.0f}));
  CHECK_THROWS_AS(validate(PenaltyOptions{.repetition_penalty = value}), UsageError);
  CHECK_THROWS_WITH(validate(PenaltyOptions{.repetition_penalty = value}),
                    Catch::Contains("repetition penalty"));
}

}  // namespace terse::test
