// Beam search against exhaustive search, greedy decoding and score().
#include "core/decoding/beam_search.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/decoding/score.h"
#include "core/error.h"
#include "tests/support/table_model.h"

namespace terse::test {
namespace {

constexpr int32_t kEos = 1;

std::vector<Hypothesis> search(const Model& model, const GenerateOptions& options,
                               const BeamOptions& beams, const std::vector<int32_t>& prompt = {}) {
  Workspace work;
  return beam_search(model, {}, prompt, options, beams, work);
}

double sum_of_scores(const Model& model, std::vector<int32_t> tokens, Finish finish) {
  if (finish == Finish::eos) tokens.push_back(kEos);
  Workspace work;
  const std::vector<double> logprobs = score(model, {}, tokens, {}, work);
  return std::accumulate(logprobs.begin(), logprobs.end(), 0.0);
}

// All texts of at most max_tokens, the end symbol counted, best first.
std::vector<Hypothesis> all_texts(const Model& model, size_t max_tokens, double length_penalty) {
  std::vector<Hypothesis> found;
  const auto add = [&](const std::vector<int32_t>& tokens, Finish finish) {
    const double logprob = sum_of_scores(model, tokens, finish);
    const double length = double(tokens.size() + (finish == Finish::eos));
    found.push_back({tokens, finish, logprob, logprob / std::pow(length, length_penalty)});
  };
  std::vector<std::vector<int32_t>> unfinished{{}};
  for (size_t length = 1; length <= max_tokens; ++length) {
    std::vector<std::vector<int32_t>> longer;
    for (const auto& tokens : unfinished) {
      add(tokens, Finish::eos);
      for (int32_t token = 0; token < int32_t(model.traits().target_vocab); ++token) {
        if (token == kEos) continue;
        longer.push_back(tokens);
        longer.back().push_back(token);
      }
    }
    unfinished = std::move(longer);
  }
  for (const auto& tokens : unfinished) add(tokens, Finish::length);
  std::sort(found.begin(), found.end(),
            [](const Hypothesis& a, const Hypothesis& b) { return a.score > b.score; });
  return found;
}

}  // namespace

TEST_CASE("A wide beam finds what exhaustive search finds") {
  const uint64_t variant = GENERATE(range(0, 8));
  const double length_penalty = GENERATE(-1.0, 0.0, 0.6, 1.0, 2.0);
  const TableModel model(4, scrambled_logits(variant));
  const auto expected = all_texts(model, 4, length_penalty);
  const auto found = search(model, {.max_tokens = 4},
                            {.width = 200,
                             .n_best = 200,
                             .length_penalty = length_penalty,
                             .early_stopping = EarlyStopping::never});
  CAPTURE(variant, length_penalty);
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i].tokens == expected[i].tokens);
    CHECK(found[i].finish == expected[i].finish);
    CHECK(found[i].logprob == Approx(expected[i].logprob));
    CHECK(found[i].score == Approx(expected[i].score));
  }
}

TEST_CASE("A beam that covers every beginning finds the best texts") {
  // There are 27 beginnings of three tokens.
  const uint64_t variant = GENERATE(range(0, 8));
  const double length_penalty = GENERATE(0.0, 1.0);
  const TableModel model(4, scrambled_logits(100 + variant));
  const auto expected = all_texts(model, 4, length_penalty);
  const auto found = search(model, {.max_tokens = 4},
                            {.width = 40,
                             .n_best = 5,
                             .length_penalty = length_penalty,
                             .early_stopping = EarlyStopping::never});
  REQUIRE(found.size() == 5);
  for (size_t i = 0; i < found.size(); ++i) CHECK(found[i].tokens == expected[i].tokens);
}

TEST_CASE("A beam of width 1 is greedy decoding, under every penalty") {
  const uint64_t variant = GENERATE(range(0, 10));
  const PenaltyOptions penalties =
      GENERATE(PenaltyOptions{}, PenaltyOptions{.repetition_penalty = 1.7f},
               PenaltyOptions{.repetition_penalty = 0.6f}, PenaltyOptions{.no_repeat_ngram = 2},
               PenaltyOptions{.no_repeat_ngram = 1, .min_tokens = 4});
  const double length_penalty = GENERATE(-0.5, 0.0, 1.0, 3.0);
  const EarlyStopping early_stopping = GENERATE(EarlyStopping::always, EarlyStopping::heuristic);
  const TableModel model(6, scrambled_logits(variant));
  const GenerateOptions options{.max_tokens = 12, .penalties = penalties};
  const std::vector<int32_t> prompt{2, 4, 2};
  Workspace work;
  std::vector<int32_t> greedy;
  const Finish finish = generate(model, {}, prompt, options, work, [&](int32_t token) {
    greedy.push_back(token);
    return true;
  });
  const auto found = search(
      model, options,
      {.width = 1, .length_penalty = length_penalty, .early_stopping = early_stopping}, prompt);
  REQUIRE(found.size() == 1);
  CHECK(found[0].tokens == greedy);
  CHECK(found[0].finish == finish);
}

TEST_CASE("Scores of n-best texts are what score() sums up to") {
  const size_t width = GENERATE(2, 3, 8);
  const PenaltyOptions penalties =
      GENERATE(PenaltyOptions{}, PenaltyOptions{.repetition_penalty = 1.3f, .min_tokens = 3});
  const TableModel model(9, scrambled_logits(width));
  const auto found = search(model, {.max_tokens = 10, .penalties = penalties},
                            {.width = width, .n_best = width, .length_penalty = 0.7});
  REQUIRE(found.size() == width);
  const bool is_plain = penalties.min_tokens == 0;
  for (size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i].logprob == Approx(sum_of_scores(model, found[i].tokens, found[i].finish)));
    const size_t length = found[i].tokens.size() + (found[i].finish == Finish::eos);
    if (is_plain) CHECK(found[i].score == Approx(found[i].logprob / std::pow(length, 0.7)));
    if (i > 0) CHECK(found[i].score <= found[i - 1].score);
  }
}

TEST_CASE("Penalties hold in every beam") {
  const TableModel model(6, scrambled_logits(77));
  const auto found =
      search(model, {.max_tokens = 12, .penalties = {.no_repeat_ngram = 2, .min_tokens = 6}},
             {.width = 5, .n_best = 5}, {2, 3});
  REQUIRE(found.size() == 5);
  for (const Hypothesis& text : found) {
    CHECK(text.tokens.size() >= 6);
    std::vector<int32_t> all{2, 3};
    all.insert(all.end(), text.tokens.begin(), text.tokens.end());
    for (size_t i = 0; i + 2 <= all.size(); ++i) {
      for (size_t j = i + 1; j + 2 <= all.size(); ++j) {
        CHECK_FALSE((all[i] == all[j] && all[i + 1] == all[j + 1]));
      }
    }
  }
}

TEST_CASE("Of equally good texts the lower tokens come first") {
  const TableModel model(4, constant_logits({1, -50, 1, 1}));
  const auto found = search(model, {.max_tokens = 2}, {.width = 3, .n_best = 3});
  REQUIRE(found.size() == 3);
  CHECK(found[0].tokens == std::vector<int32_t>{0, 0});
  CHECK(found[1].tokens == std::vector<int32_t>{2, 0});
  CHECK(found[2].tokens == std::vector<int32_t>{3, 0});
}

TEST_CASE("A beam with one continuation keeps its state") {
  // After the first token every beam goes on alone: each token is likely after itself only.
  const TableModel model(5, [](std::span<const int32_t> history, std::span<float> logits) {
    std::fill(logits.begin(), logits.end(), history.size() == 1 ? 0.0f : -50.0f);
    logits[kEos] = -80.0f;
    if (history.size() > 1) logits[size_t(history.back())] = 0.0f;
  });
  const auto found = search(model, {.max_tokens = 10}, {.width = 4, .n_best = 4});
  CHECK(found.size() == 4);
  CHECK(model.n_clones() == 3);
}

TEST_CASE("The last step copies no state") {
  const TableModel model(5, scrambled_logits(3));
  search(model, {.max_tokens = 1}, {.width = 4});
  CHECK(model.n_clones() == 0);
}

TEST_CASE("Early stopping stops early, and never less exactly than it promises") {
  const TableModel model(6, scrambled_logits(9));
  size_t n_before = 0;
  const auto cost = [&](EarlyStopping early_stopping) {
    search(model, {.max_tokens = 30}, {.width = 3, .early_stopping = early_stopping});
    const size_t n = model.n_extends() - n_before;
    n_before = model.n_extends();
    return n;
  };
  const size_t always = cost(EarlyStopping::always);
  const size_t heuristic = cost(EarlyStopping::heuristic);
  const size_t never = cost(EarlyStopping::never);
  CHECK(always <= heuristic);
  CHECK(heuristic < never);
}

TEST_CASE("A larger length penalty gives longer texts") {
  const TableModel model(6, constant_logits({0, 1.2f, 0.5f, 0, 0, 0}));
  const auto length_at = [&](double length_penalty) {
    const auto found = search(
        model, {.max_tokens = 8},
        {.width = 6, .length_penalty = length_penalty, .early_stopping = EarlyStopping::never});
    return found[0].tokens.size();
  };
  CHECK(length_at(-1) == 0);
  CHECK(length_at(0) == 0);
  CHECK(length_at(5) == 7);  // and the end symbol
}

TEST_CASE("Beams end at the model's last position, and a text of no tokens is one") {
  const TableModel model(4, constant_logits({0, -5, 2, 1}), 5);
  CHECK(search(model, {.max_tokens = 100}, {.width = 2})[0].tokens.size() == 5);
  const auto none = search(model, {.max_tokens = 0}, {.width = 2});
  REQUIRE(none.size() == 1);
  CHECK(none[0].tokens.empty());
}

TEST_CASE("A beam wider than the vocabulary gives as many texts as there are") {
  const TableModel model(3, scrambled_logits(2));
  const auto found = search(model, {.max_tokens = 1}, {.width = 50, .n_best = 50});
  CHECK(found.size() == 3);
}

TEST_CASE("Beam search refuses logits that are not finite, naming the step") {
  const TableModel model(4, [](std::span<const int32_t> history, std::span<float> logits) {
    std::fill(logits.begin(), logits.end(), 0.0f);
    if (history.size() == 3) logits[3] = std::numeric_limits<float>::quiet_NaN();
  });
  CHECK_THROWS_WITH(search(model, {.eos = -1}, {.width = 2}),
                    Catch::Contains("non-finite logits at step 2"));
}

TEST_CASE("Beam options out of range are refused by name") {
  const auto refused = [](const BeamOptions& options, const std::string& name) {
    CHECK_THROWS_AS(validate(options), UsageError);
    CHECK_THROWS_WITH(validate(options), Catch::Contains(name));
  };
  refused({.width = 0}, "beam width");
  refused({.width = 2, .n_best = 3}, "best texts");
  refused({.width = 2, .n_best = 0}, "best texts");
  refused({.length_penalty = std::nan("")}, "length penalty");
  const TableModel model(3, constant_logits({1, 2, 3}));
  CHECK_THROWS_WITH(search(model, {.sampling = {.temperature = 1}}, {}),
                    Catch::Contains("temperature"));
}

}  // namespace terse::test
