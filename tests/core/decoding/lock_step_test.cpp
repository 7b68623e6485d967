// Texts in lock-step are those of generate(): whatever is decoded beside them, for every kind of
// layer that remembers something.
#include "core/decoding/lock_step.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <map>

#include "core/decoding/random.h"
#include "core/error.h"
#include "io/model_directory.h"
#include "tests/support/golden.h"
#include "tests/support/table_model.h"

using namespace terse;
using namespace terse::test;

namespace {

struct Written {
  std::vector<int32_t> tokens;
  std::vector<double> logprobs;
  Finish finish = Finish::eos;
  double logprob = 0;
  std::string error;

  bool operator==(const Written&) const = default;
};

struct Wanted {
  std::vector<int32_t> source = {};
  std::vector<int32_t> prompt = {};
  GenerateOptions options = {};
};

Written alone(const Model& model, const Wanted& wanted, Workspace& work) {
  Written written;
  try {
    const ScoredFinish end = generate_scored(model, wanted.source, wanted.prompt, wanted.options,
                                             work, [&](int32_t token, double logprob) {
                                               written.tokens.push_back(token);
                                               written.logprobs.push_back(logprob);
                                               return true;
                                             });
    written.finish = end.finish;
    written.logprob = end.logprob;
  } catch (const InputError& error) {
    written.error = error.what();
  }
  return written;
}

std::vector<Written> together(const Model& model, const std::vector<Wanted>& all, size_t places,
                              Workspace& work) {
  std::vector<Written> written(all.size());
  LockStep lock_step(model, places, work);
  size_t n_ended = 0;
  const auto add = [&](size_t i) {
    Written& own = written[i];
    lock_step.add({.source = all[i].source,
                   .prompt = all[i].prompt,
                   .options = all[i].options,
                   .scored = true,
                   .on_token =
                       [&own](int32_t token, double logprob) {
                         own.tokens.push_back(token);
                         own.logprobs.push_back(logprob);
                         return true;
                       },
                   .on_end =
                       [&own, &n_ended](const ScoredFinish& end, std::exception_ptr error) {
                         ++n_ended;
                         own.finish = end.finish;
                         own.logprob = end.logprob;
                         if (!error) return;
                         own.finish = Finish::eos;
                         own.logprob = 0;
                         try {
                           std::rethrow_exception(error);
                         } catch (const InputError& input_error) {
                           own.error = input_error.what();
                         }
                       }});
  };
  size_t next = 0;
  while (next < all.size() || lock_step.size() > 0) {
    while (next < all.size() && lock_step.has_room()) add(next++);
    if (lock_step.size() > 0) lock_step.step();
  }
  CHECK(n_ended == all.size());
  return written;
}

std::vector<int32_t> some_ids(size_t n, size_t vocab, uint64_t key) {
  std::vector<int32_t> ids(n);
  for (size_t i = 0; i < n; ++i)
    ids[i] = int32_t(2 + size_t(uniform(5, key, i) * double(vocab - 2)));
  return ids;
}

// Sources and prompts of different lengths; greedy and by chance; texts that end early and late.
std::vector<Wanted> some_texts(const ModelTraits& traits) {
  std::vector<Wanted> all;
  for (uint64_t i = 0; i < 9; ++i) {
    Wanted wanted;
    wanted.options.max_tokens = 1 + i * 5 % 14;
    wanted.options.eos = i % 3 == 0 ? 1 : -1;
    wanted.options.record = i;
    if (i % 2 == 1) wanted.options.sampling = {.temperature = 1.5f, .top_k = 20, .seed = 3};
    if (i % 4 == 3) wanted.options.penalties = {.repetition_penalty = 1.3f, .no_repeat_ngram = 2};
    if (traits.has_source) wanted.source = some_ids(1 + i * 3 % 10, traits.source_vocab, i);
    if (i % 3 == 1) wanted.prompt = some_ids(1 + i % 3, traits.target_vocab, 100 + i);
    all.push_back(wanted);
  }
  return all;
}

}  // namespace

TEST_CASE("Every kind of model decodes the same texts alone and in lock-step") {
  const std::string model =
      GENERATE("terra_mult_conv", "terra_favor", "terra_lsh", "terra_mixed_lsh", "terra_purelsh",
               "terra_purelsh_rotary", "terra_purelsh_sparse", "terra_self_attention",
               "terra_double", "terra_forget", "terra_vocabs", "tlm", "lm_sru",
               "lm_sparse_ff_multconv", "lm_switch_ff", "lm_block_ff", "lm_multconv_convout",
               "lm_multconv_fixed_shareqk", "lm_causal_favor", "lm_lsh", "lm_self_attention_shared",
               "rlm_lsh", "rlm_sparse", "transformer", "ct_sparse", "ct_sparse_tuple", "reformer");
  CAPTURE(model);
  const ModelDirectory directory = open_model_directory(converted(model) / "split");
  std::vector<Wanted> texts = some_texts(directory.model->traits());
  const CacheType cache = GENERATE(CacheType::f32, CacheType::int8);
  for (Wanted& wanted : texts) wanted.options.cache_type = cache;
  Workspace one(1), two(2);
  std::vector<Written> expected;
  for (const Wanted& wanted : texts) expected.push_back(alone(*directory.model, wanted, one));
  for (Workspace* work : {&one, &two}) {
    for (const size_t places : {1, 2, 3, 8}) {
      const std::vector<Written> written = together(*directory.model, texts, places, *work);
      for (size_t i = 0; i < texts.size(); ++i) {
        INFO("text " << i << ", " << places << " places, " << work->threads.size() << " threads");
        CHECK(written[i] == expected[i]);
      }
    }
  }
}

TEST_CASE("A text that fails in the middle does not disturb those beside it") {
  const LogitsTable table = scrambled_logits(4);
  const TableModel model(50, [&](std::span<const int32_t> history, std::span<float> logits) {
    table(history, logits);
    // The text that starts with 7 fails at its fourth token.
    if (history.size() == 5 && history[1] == 7) logits[3] = std::nanf("");
  });
  std::vector<Wanted> texts(5);
  for (size_t i = 0; i < texts.size(); ++i) {
    texts[i].prompt = {int32_t(5 + i)};
    texts[i].options = {.max_tokens = 12, .eos = -1};
  }
  Workspace work;
  for (const size_t places : {2, 5}) {
    const std::vector<Written> written = together(model, texts, places, work);
    for (size_t i = 0; i < texts.size(); ++i) {
      CHECK(written[i].error.empty() == (i != 2));
      if (i == 2) {
        CHECK(written[i].tokens.size() == 3);
        CHECK(written[i].error.find("step 3") != std::string::npos);
      } else {
        CHECK(written[i] == alone(model, texts[i], work));
      }
    }
  }
}

TEST_CASE("A source that is refused ends its own text only") {
  const ModelDirectory directory = open_model_directory(converted("terra_mult_conv") / "split");
  std::vector<Wanted> texts(3);
  for (Wanted& wanted : texts) wanted = {.source = {5, 6, 7}, .options = {.max_tokens = 6}};
  texts[1].source = {1 << 20};
  Workspace work;
  const std::vector<Written> written = together(*directory.model, texts, 3, work);
  CHECK(written[1].error.find("outside the model's vocabulary") != std::string::npos);
  CHECK(written[0] == alone(*directory.model, texts[0], work));
  CHECK(written[2] == written[0]);
}

TEST_CASE("A text may be added when another one ends, in its place") {
  const TableModel model(20, scrambled_logits(9));
  Workspace work;
  LockStep lock_step(model, 1, work);
  std::vector<int> order;
  LockStepText second{.options = {.max_tokens = 2, .eos = -1}};
  second.on_token = [](int32_t, double) { return true; };
  second.on_end = [&](const ScoredFinish&, std::exception_ptr) { order.push_back(2); };
  LockStepText first = second;
  first.on_end = [&](const ScoredFinish& end, std::exception_ptr) {
    CHECK(end.finish == Finish::length);
    order.push_back(1);
    lock_step.add(second);
  };
  lock_step.add(first);
  while (lock_step.size() > 0) lock_step.step();
  CHECK(order == std::vector<int>{1, 2});
}

TEST_CASE("Texts without room for a token, and texts that are stopped, end at once") {
  const TableModel model(20, scrambled_logits(9));
  Workspace work;
  LockStep lock_step(model, 2, work);
  std::vector<Finish> finishes;
  LockStepText text{.prompt = {1, 2}, .options = {.max_tokens = 0, .eos = -1}};
  text.on_token = [](int32_t, double) { return false; };
  text.on_end = [&](const ScoredFinish& end, std::exception_ptr) {
    finishes.push_back(end.finish);
  };
  lock_step.add(text);
  text.options.max_tokens = 5;
  lock_step.add(text);
  CHECK(lock_step.size() == 0);
  CHECK(finishes == std::vector<Finish>{Finish::length, Finish::stop});
}
