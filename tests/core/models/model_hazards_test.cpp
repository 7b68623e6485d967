// What models refuse, and what forked sequences may not share.
#include <catch2/catch.hpp>

#include "core/error.h"
#include "io/json.h"
#include "io/model_directory.h"
#include "tests/support/golden.h"

namespace terse::test {
namespace {

using Catch::Matchers::Contains;

// One of each family.
const char* const kCases[] = {"lm_sru", "rlm_sparse", "ct_sparse", "terra_padded"};

const std::vector<int32_t> kSource{3, 4, 5};

std::vector<int32_t> source_for(const Model& model) {
  return model.traits().has_source ? kSource : std::vector<int32_t>{};
}

std::vector<float> extend(const Model& model, SequenceState& state,
                          const std::vector<int32_t>& tokens) {
  Workspace work;
  std::vector<float> logits(model.traits().target_vocab);
  model.extend(state, tokens, work, Matrix(logits.data(), 1, logits.size()));
  return logits;
}

}  // namespace

TEST_CASE("A forked sequence goes its own way", "[golden]") {
  const std::string name = GENERATE(from_range(std::begin(kCases), std::end(kCases)));
  CAPTURE(name);
  const ModelDirectory directory = open_model_directory(converted(name) / "split");
  const Model& model = *directory.model;
  Workspace work;
  const auto fresh = [&] { return model.start(source_for(model), {}, work); };
  const auto expected = fresh();
  const auto state = fresh();
  const auto early = state->clone();
  CHECK(extend(model, *early, {0, 9, 9}) != extend(model, *state, {0, 7, 8}));
  const auto late = state->clone();
  CHECK(late->length() == 3);
  CHECK(late->bytes() == state->bytes());
  extend(model, *late, {11, 12, 13});
  extend(model, *expected, {0, 7, 8});
  CHECK(extend(model, *state, {10}) == extend(model, *expected, {10}));
}

TEST_CASE("An argument that a model does not know is refused", "[golden]") {
  const std::string name = GENERATE(from_range(std::begin(kCases), std::end(kCases)));
  CAPTURE(name);
  const ModelDirectory directory = open_model_directory(converted(name) / "split");
  auto json = read_json_file(converted(name) / "split" / "config.json");
  json["args"]["n_wings"] = 2;
  const ModelConfig config{directory.config.model,
                           params_from_json(directory.config.model, json["args"])};
  CHECK_THROWS_WITH(make_model(config, *directory.weights), Contains("n_wings"));
}

TEST_CASE("A sequence past the model's positions is refused", "[golden]") {
  const std::string name = GENERATE(from_range(std::begin(kCases), std::end(kCases)));
  CAPTURE(name);
  const ModelDirectory directory = open_model_directory(converted(name) / "split");
  const Model& model = *directory.model;
  Workspace work;
  const auto state = model.start(source_for(model), {}, work);
  extend(model, *state, std::vector<int32_t>(model.traits().max_target, 5));
  CHECK_THROWS_AS(extend(model, *state, {5}), InputError);
  if (!model.traits().has_source) return;
  const std::vector<int32_t> longest(model.traits().max_source, 5);
  CHECK_NOTHROW(model.start(longest, {}, work));
  const std::vector<int32_t> longer(model.traits().max_source + 1, 5);
  CHECK_THROWS_AS(model.start(longer, {}, work), InputError);
}

TEST_CASE("Ids outside the vocabulary, and a source that does not belong, are refused",
          "[golden]") {
  const std::string name = GENERATE(from_range(std::begin(kCases), std::end(kCases)));
  CAPTURE(name);
  const ModelDirectory directory = open_model_directory(converted(name) / "split");
  const Model& model = *directory.model;
  Workspace work;
  const auto state = model.start(source_for(model), {}, work);
  CHECK_THROWS_AS(extend(model, *state, {0, int32_t(model.traits().target_vocab)}), InputError);
  CHECK_THROWS_AS(extend(model, *state, {0, -1}), InputError);
  const bool has_source = model.traits().has_source;
  CHECK_THROWS_AS(model.start(has_source ? std::vector<int32_t>{} : kSource, {}, work), InputError);
  const std::vector<int32_t> unknown{int32_t(model.traits().source_vocab)};
  CHECK_THROWS_AS(model.start(unknown, {}, work), InputError);
}

}  // namespace terse::test
