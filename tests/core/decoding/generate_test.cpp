// The decoding loop on models that are plain tables.
#include "core/decoding/generate.h"

#include <catch2/catch.hpp>
#include <limits>

#include "core/decoding/random.h"
#include "core/decoding/score.h"
#include "core/error.h"
#include "tests/support/table_model.h"

namespace terse::test {
namespace {

struct Text {
  std::vector<int32_t> tokens;
  Finish finish;
};

Text decode(const Model& model, const GenerateOptions& options,
            const std::vector<int32_t>& prompt = {}) {
  Workspace work;
  Text text;
  text.finish = generate(model, {}, prompt, options, work, [&](int32_t token) {
    text.tokens.push_back(token);
    return true;
  });
  return text;
}

}  // namespace

TEST_CASE("Greedy decoding takes the best token and ends at the end symbol") {
  // Counts up from the last token; 5 is the end.
  const TableModel model(7, [](std::span<const int32_t> history, std::span<float> logits) {
    std::fill(logits.begin(), logits.end(), 0.0f);
    logits[size_t(history.back() + 1)] = 1.0f;
  });
  const Text text = decode(model, {.bos = 1, .eos = 5});
  CHECK(text.tokens == std::vector<int32_t>{2, 3, 4});
  CHECK(text.finish == Finish::eos);
  CHECK(decode(model, {.eos = 5}, {1, 3}).tokens == std::vector<int32_t>{4});
}

TEST_CASE("The best of equal logits is the lower token") {
  const TableModel model(4, constant_logits({0.0f, 0.0f, 2.0f, 2.0f}));
  CHECK(decode(model, {.max_tokens = 2}).tokens == std::vector<int32_t>{2, 2});
}

TEST_CASE("A text ends at the maximum and at the model's last position") {
  const TableModel model(4, constant_logits({0, 0, 2, 1}), 5);
  const Text text = decode(model, {.max_tokens = 3});
  CHECK(text.tokens.size() == 3);
  CHECK(text.finish == Finish::length);
  CHECK(decode(model, {.max_tokens = 100}).tokens.size() == 5);
  CHECK(decode(model, {.max_tokens = 100}, {2, 2, 2, 2}).tokens.size() == 1);
  CHECK_THROWS_AS(decode(model, {}, {2, 2, 2, 2, 2}), InputError);
  CHECK(decode(model, {.max_tokens = 0}).finish == Finish::length);
}

TEST_CASE("The callback stops a text") {
  const TableModel model(4, constant_logits({0, 0, 2, 1}));
  Workspace work;
  size_t n = 0;
  const auto stop_at_third = [&](int32_t) { return ++n < 3; };
  CHECK(generate(model, {}, {}, {}, work, stop_at_third) == Finish::stop);
  CHECK(n == 3);
  CHECK(model.n_extends() == 3);
}

TEST_CASE("Logits that are not finite are an error that names the step") {
  const float bad =
      GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
               -std::numeric_limits<float>::infinity());
  const float temperature = GENERATE(0.0f, 1.0f);
  const TableModel model(4, [&](std::span<const int32_t> history, std::span<float> logits) {
    std::fill(logits.begin(), logits.end(), 0.0f);
    logits[2] = 1;
    if (history.size() == 4) logits[3] = bad;
  });
  const GenerateOptions options{.eos = -1, .sampling = {.temperature = temperature}};
  CHECK_THROWS_AS(decode(model, options), InputError);
  CHECK_THROWS_WITH(decode(model, options), Catch::Contains("non-finite logits at step 3"));
}

TEST_CASE("No text is shorter than the minimum, which does not count the prompt") {
  const TableModel model(4, constant_logits({0, 9, 2, 1}));
  const GenerateOptions options{.penalties = {.min_tokens = 3}};
  CHECK(decode(model, options).tokens == std::vector<int32_t>{2, 2, 2});
  CHECK(decode(model, options, {3, 3, 3, 3}).tokens == std::vector<int32_t>{2, 2, 2});
}

TEST_CASE("Penalties count the prompt and the text, not the source and not the start symbol") {
  const TableModel model(5, constant_logits({4, -9, 3, 2, 1}), SIZE_MAX, true);
  const GenerateOptions options{.max_tokens = 3, .penalties = {.no_repeat_ngram = 1}};
  Workspace work;
  std::vector<int32_t> tokens;
  generate(model, std::vector<int32_t>{0, 2, 3}, std::vector<int32_t>{2}, options, work,
           [&](int32_t token) {
             tokens.push_back(token);
             return true;
           });
  CHECK(tokens == std::vector<int32_t>{0, 3, 4});
}

TEST_CASE("No n-gram of a text comes twice") {
  const size_t n = GENERATE(1, 2, 3);
  constexpr size_t kLength = 10;
  const TableModel model(kLength, constant_logits({9, 8, 7, 6, 5, 4, 3, 2, 1, 0}));
  const Text text =
      decode(model, {.max_tokens = kLength, .eos = -1, .penalties = {.no_repeat_ngram = n}});
  REQUIRE(text.tokens.size() == kLength);
  for (size_t i = 0; i + n <= kLength; ++i) {
    for (size_t j = i + 1; j + n <= kLength; ++j) {
      CHECK_FALSE(std::equal(text.tokens.begin() + long(i), text.tokens.begin() + long(i + n),
                             text.tokens.begin() + long(j)));
    }
  }
}

TEST_CASE("A text of many repeated tokens survives every penalty at its edge") {
  const float temperature = GENERATE(0.0f, 1e-38f, 1.0f);
  const TableModel model(3, constant_logits({1, 2, 3}));
  const GenerateOptions options{
      .max_tokens = 50,
      .penalties = {.repetition_penalty = 3e38f, .no_repeat_ngram = 1, .min_tokens = 50},
      .sampling = {.temperature = temperature, .top_k = 1, .top_p = 0, .min_p = 1}};
  const Text text = decode(model, options, {0, 1, 2});
  CHECK(text.tokens.size() == 50);
  for (const int32_t token : text.tokens) CHECK(token != 1);
}

TEST_CASE("A sampled text depends on seed and record only, and differs between them") {
  const TableModel model(20, scrambled_logits(1));
  const auto sample = [&](uint64_t seed, const char* id) {
    return decode(model, {.max_tokens = 40,
                          .eos = -1,
                          .sampling = {.temperature = 1, .top_k = 15, .seed = seed},
                          .record = record_key(id)})
        .tokens;
  };
  const auto text = sample(1, "a");
  CHECK(sample(1, "a") == text);
  CHECK(sample(2, "a") != text);
  CHECK(sample(1, "b") != text);
}

TEST_CASE("A sampled text never changes from release to release") {
  const TableModel model(20, scrambled_logits(1));
  const Text text = decode(model, {.max_tokens = 8,
                                   .eos = -1,
                                   .sampling = {.temperature = 1, .seed = 42},
                                   .record = record_key("record-1")});
  CHECK(text.tokens == std::vector<int32_t>{17, 6, 0, 6, 16, 18, 15, 0});
}

TEST_CASE("Log-probabilities of a text are those that score() finds, whatever chose it") {
  const GenerateOptions options =
      GENERATE(GenerateOptions{.max_tokens = 12},
               GenerateOptions{.max_tokens = 12,
                               .penalties = {.repetition_penalty = 1.5f, .no_repeat_ngram = 2},
                               .sampling = {.temperature = 0.8f, .top_p = 0.9, .seed = 5}},
               GenerateOptions{.max_tokens = 60, .sampling = {.temperature = 2}});
  const TableModel model(9, scrambled_logits(4));
  Workspace work;
  std::vector<int32_t> target;
  std::vector<double> logprobs;
  const ScoredFinish result =
      generate_scored(model, {}, {}, options, work, [&](int32_t token, double logprob) {
        target.push_back(token);
        logprobs.push_back(logprob);
        return true;
      });
  CHECK(target == decode(model, options).tokens);
  if (result.finish == Finish::eos) target.push_back(options.eos);
  const std::vector<double> expected = score(model, {}, target, {}, work);
  double sum = 0;
  for (const double logprob : expected) sum += logprob;
  CHECK(result.logprob == Approx(sum));
  for (size_t i = 0; i < logprobs.size(); ++i) CHECK(logprobs[i] == Approx(expected[i]));
}

TEST_CASE("A minimum above the maximum is refused") {
  CHECK_THROWS_AS(validate(GenerateOptions{.max_tokens = 3, .penalties = {.min_tokens = 4}}),
                  UsageError);
  const TableModel model(3, constant_logits({1, 2, 3}));
  CHECK_THROWS_AS(decode(model, {.sampling = {.top_p = 2}}), UsageError);
  CHECK_THROWS_AS(decode(model, {.penalties = {.repetition_penalty = 0}}), UsageError);
}

}  // namespace terse::test
