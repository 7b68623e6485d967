// Positional encodings against Trax, and where they end.
#include <catch2/catch.hpp>

#include "core/error.h"
#include "core/layers/positions.h"
#include "io/config.h"
#include "io/json.h"
#include "io/safetensors.h"
#include "tests/support/golden.h"

namespace terse::test {
namespace {

// The `positions` of a model's config.json that a layer case stands for.
nlohmann::json positions_spec(const std::string& layer, const nlohmann::json& params) {
  if (layer == "PositionalEncoding") {
    return {
        {"type", "learned"}, {"max_len", params["max_len"]}, {"d_feature", params["d_feature"]}};
  }
  if (layer == "AxialPositionalEncoding") {
    return {{"type", "axial"}, {"shape", params["shape"]}, {"d_embs", params["d_embs"]}};
  }
  return {{"type", layer == "FixedBasePositionalEncoding" ? "fixed-base" : "sin-cos"}};
}

struct LoadedPositions {
  explicit LoadedPositions(const std::string& name)
      : weights(converted("layers") / name / "model.safetensors"),
        input(read_npy(golden("layers") / name / "input_0.npy")),
        output(read_npy(golden("layers") / name / "output_0.npy")) {
    const auto json = read_json_file(converted("layers") / name / "config.json");
    const Params spec = params_from_json(
        "positions", positions_spec(json["layer"].get<std::string>(), json["params"]));
    positions = make_positions(spec, Weights(weights), input.shape.back());
  }

  // Adds the encodings to the first sequence, `piece` positions at a time.
  std::vector<float> run(size_t piece) const {
    Workspace work;
    const size_t length = input.shape[1];
    const size_t d = input.shape[2];
    std::vector<float> y(input.floats.begin(), input.floats.begin() + long(length * d));
    for (size_t begin = 0; begin < length; begin += piece) {
      const size_t n = std::min(piece, length - begin);
      positions->add(begin, work, Matrix(y.data() + begin * d, n, d));
    }
    return y;
  }

  SafetensorsFile weights;
  Npy input;
  Npy output;
  std::unique_ptr<PositionalEncoding> positions;
};

const char* const kCases[] = {"pos_axial",   "pos_axial3", "pos_fixed_base",
                              "pos_learned", "pos_sincos", "pos_learned_dfeature"};

Params model_args(const std::string& json) {
  return params_from_json("TransformerLM", nlohmann::json::parse(json));
}

}  // namespace

TEST_CASE("Positional encodings equal Trax's, in one call and one by one", "[golden]") {
  const std::string name = GENERATE(from_range(std::begin(kCases), std::end(kCases)));
  CAPTURE(name);
  const LoadedPositions loaded(name);
  CHECK(loaded.weights.unused().empty());
  const size_t length = loaded.input.shape[1];
  const std::vector<float> y = loaded.run(length);
  const ConstMatrix found(y.data(), length, loaded.input.shape[2]);
  CHECK(largest_difference(found, block(loaded.output, 0)) < 1e-4);
  CHECK(loaded.run(1) == y);
}

TEST_CASE("Positions end where their tables end", "[golden]") {
  CHECK(LoadedPositions("pos_learned").positions->limit() == 12);
  CHECK(LoadedPositions("pos_axial").positions->limit() == 8);
  CHECK(LoadedPositions("pos_axial3").positions->limit() == 16);
  CHECK(LoadedPositions("pos_fixed_base").positions->limit() == 214358880);
  CHECK(LoadedPositions("pos_sincos").positions->limit() == SIZE_MAX);
}

TEST_CASE("A model has max_len positions, or those of its grid") {
  CHECK(max_positions(model_args(R"({"max_len": 40, "positions": {"type": "none"}})")) == 40);
  CHECK(
      max_positions(model_args(
          R"({"max_len": 40, "positions": {"type": "axial", "shape": [4, 8], "d_embs": [2, 2]}})")) ==
      32);
  CHECK(
      max_positions(model_args(
          R"({"max_len": 20, "positions": {"type": "axial", "shape": [4, 8], "d_embs": [2, 2]}})")) ==
      20);
}

TEST_CASE("Positions that do not fit d_model are refused") {
  const SafetensorsFile weights(converted("layers") / "pos_axial" / "model.safetensors");
  const auto make = [&](const char* spec, size_t d) {
    const Params params = params_from_json("positions", nlohmann::json::parse(spec));
    return make_positions(params, Weights(weights), d);
  };
  CHECK_THROWS_AS(make(R"({"type": "sin-cos"})", 7), ModelError);
  CHECK_THROWS_AS(make(R"({"type": "fixed-base"})", 12), ModelError);
  CHECK_THROWS_AS(make(R"({"type": "axial", "shape": [2, 4], "d_embs": [6, 10]})", 15), ModelError);
  CHECK_THROWS_AS(make(R"({"type": "axial", "shape": [2], "d_embs": [6, 10]})", 16), ModelError);
  CHECK_THROWS_AS(make(R"({"type": "time-bin"})", 16), ModelError);
  CHECK_THROWS_AS(make(R"({"type": "none", "max_len": 3})", 16), ModelError);
}

}  // namespace terse::test
