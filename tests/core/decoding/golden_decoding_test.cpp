// Decoding with real models: their states fork cleanly, and threads change no text.
#include <catch2/catch.hpp>
#include <numeric>

#include "core/decoding/beam_search.h"
#include "core/decoding/logits.h"
#include "core/decoding/score.h"
#include "io/model_directory.h"
#include "tests/support/golden.h"

namespace terse::test {
namespace {

// One of each kind of state that a layer can have.
constexpr const char* kCases[] = {"terra_mult_conv",
                                  "terra_two_types",
                                  "terra_favor",
                                  "terra_vocabs",
                                  "terra_nonrev",
                                  "lm_causal_favor",
                                  "lm_conv",
                                  "lm_sru",
                                  "lm_pos_axial",
                                  "lm_mult_modular",
                                  "lm_multconv_original",
                                  "rlm_sparse",
                                  "tlm",
                                  "transformer",
                                  "ct_sparse",
                                  "reformer",
                                  "rlm_self_attention",
                                  "terra_self_attention"};

// Hashing a text whole makes other buckets than hashing it token by token.
constexpr const char* kCasesThatHash[] = {"terra_lsh", "rlm_lsh", "terra_purelsh_sparse",
                                          "terra_mixed_lsh"};

constexpr size_t kMaxTokens = 8;
constexpr int32_t kEos = 1;

std::vector<int32_t> source_of(const std::string& name) {
  const auto path = golden(name) / "eval_source.npy";
  if (!std::filesystem::exists(path)) return {};
  return id_row_without_padding(read_npy(path), 0);
}

double logprob_token_by_token(const Model& model, std::span<const int32_t> source,
                              std::span<const int32_t> target) {
  Workspace work;
  std::vector<float> logits(model.traits().target_vocab);
  const auto state = model.start(source, {}, work);
  double sum = 0;
  int32_t last = 0;  // the start symbol
  for (size_t step = 0; step < target.size(); ++step) {
    model.extend(*state, std::span(&last, 1), work, Matrix(logits.data(), 1, logits.size()));
    last = target[step];
    sum += double(logits[size_t(last)]) - log_normalizer(logits, step);
  }
  return sum;
}

}  // namespace

TEST_CASE("Texts of a beam on a real model have the probability that score() finds", "[golden]") {
  const std::string name = GENERATE(from_range(std::begin(kCases), std::end(kCases)));
  const size_t n_threads = GENERATE(1, 2);
  CAPTURE(name, n_threads);
  const ModelDirectory directory = open_model_directory(converted(name) / "split");
  const std::vector<int32_t> source = source_of(name);
  Workspace work(n_threads);
  const auto found =
      beam_search(*directory.model, source, {}, {.max_tokens = kMaxTokens, .eos = kEos},
                  {.width = 5, .n_best = 5}, work);
  REQUIRE(found.size() == 5);
  for (size_t i = 0; i < found.size(); ++i) {
    std::vector<int32_t> target = found[i].tokens;
    if (found[i].finish == Finish::eos) target.push_back(kEos);
    const auto logprobs = score(*directory.model, source, target, {}, work);
    const double sum = std::accumulate(logprobs.begin(), logprobs.end(), 0.0);
    CHECK(found[i].logprob == Approx(sum).epsilon(1e-5));
    CHECK(found[i].score == Approx(sum / double(target.size())).epsilon(1e-5));
  }
}

TEST_CASE("A forked state gives the bits of one that read the text alone", "[golden]") {
  const std::string name =
      GENERATE(from_range(std::begin(kCases), std::end(kCases)),
               from_range(std::begin(kCasesThatHash), std::end(kCasesThatHash)));
  CAPTURE(name);
  const ModelDirectory directory = open_model_directory(converted(name) / "split");
  const std::vector<int32_t> source = source_of(name);
  Workspace work;
  const auto found =
      beam_search(*directory.model, source, {}, {.max_tokens = kMaxTokens, .eos = kEos},
                  {.width = 5, .n_best = 5}, work);
  REQUIRE(found.size() == 5);
  for (const Hypothesis& text : found) {
    std::vector<int32_t> target = text.tokens;
    if (text.finish == Finish::eos) target.push_back(kEos);
    CHECK(text.logprob == logprob_token_by_token(*directory.model, source, target));
  }
}

TEST_CASE("A beam of width 1 on a real model is greedy decoding", "[golden]") {
  const std::string name = GENERATE(from_range(std::begin(kCases), std::end(kCases)));
  CAPTURE(name);
  const ModelDirectory directory = open_model_directory(converted(name) / "split");
  const std::vector<int32_t> source = source_of(name);
  const GenerateOptions options{.max_tokens = kMaxTokens,
                                .penalties = {.repetition_penalty = 1.4f, .no_repeat_ngram = 3}};
  Workspace work;
  std::vector<int32_t> greedy;
  generate(*directory.model, source, {}, options, work, [&](int32_t token) {
    greedy.push_back(token);
    return true;
  });
  const auto found = beam_search(*directory.model, source, {}, options, {.width = 1}, work);
  CHECK(found.at(0).tokens == greedy);
}

TEST_CASE("A sampled text is the same with any number of threads", "[golden]") {
  const ModelDirectory directory = open_model_directory(converted("terra_mult_conv") / "split");
  const auto sample = [&](size_t n_threads) {
    Workspace work(n_threads);
    std::vector<int32_t> tokens;
    generate(*directory.model, source_of("terra_mult_conv"), {},
             {.eos = -1, .sampling = {.temperature = 1.5f, .top_p = 0.95, .seed = 8}}, work,
             [&](int32_t token) {
               tokens.push_back(token);
               return true;
             });
    return tokens;
  };
  const auto text = sample(1);
  CHECK(text.size() > 20);
  CHECK(sample(2) == text);
  CHECK(sample(3) == text);
}

}  // namespace terse::test
