// How wide the blocks of a Terraformer are.
#include "core/models/terraformer_sizes.h"

#include <catch2/catch.hpp>

#include "core/error.h"
#include "io/config.h"

using namespace terse;

namespace {

TerraformerSizes sizes(int layers, const char* half, const char* double_after, int d_model = 16) {
  nlohmann::json args = {{"d_model", d_model},
                         {"d_ff", 64},
                         {"d_attention_key", 4},
                         {"d_attention_value", 6},
                         {"n_decoder_layers", layers}};
  args["half_before_layer"] = nlohmann::json::parse(half);
  args["double_after_layer"] = nlohmann::json::parse(double_after);
  return terraformer_sizes(params_from_json("ConfigurableTerraformer", args));
}

std::vector<size_t> widths(const TerraformerSizes& sizes) {
  std::vector<size_t> found;
  for (const DecoderBlockSizes& block : sizes.decoder) found.push_back(block.d_model);
  return found;
}

}  // namespace

TEST_CASE("Without halving and doubling all blocks are alike") {
  const TerraformerSizes found = sizes(3, "null", "null");
  CHECK(found.encoder.d_model == 16);
  CHECK(widths(found) == std::vector<size_t>{16, 16, 16});
  CHECK(found.d_end == 16);
}

TEST_CASE("Blocks before half_before_layer have half of everything, and so has the encoder") {
  const TerraformerSizes found = sizes(3, "2", "null");
  CHECK(found.encoder.d_model == 8);
  CHECK(found.encoder.d_ff == 32);
  CHECK(found.encoder.d_key == 2);
  CHECK(found.encoder.d_value == 3);
  CHECK(widths(found) == std::vector<size_t>{8, 8, 16});
  CHECK(found.decoder[0].doublings == 0);
  CHECK(found.decoder[1].doublings == 1);
  CHECK(found.d_end == 16);
}

TEST_CASE("Blocks after double_after_layer have twice of everything") {
  const TerraformerSizes found = sizes(4, "null", "1");
  CHECK(widths(found) == std::vector<size_t>{16, 16, 32, 32});
  CHECK(found.decoder[3].d_ff == 128);
  CHECK(found.decoder[1].doublings == 1);
  CHECK(found.d_end == 32);
}

TEST_CASE("One block may be followed by two doublings") {
  const TerraformerSizes found = sizes(3, "2", "1");
  CHECK(widths(found) == std::vector<size_t>{8, 8, 32});
  CHECK(found.decoder[1].doublings == 2);
}

TEST_CASE("Widths that no stream has are refused") {
  CHECK_THROWS_AS(sizes(4, "3", "1"), ModelError);  // full width before the halves are joined
  CHECK_THROWS_AS(sizes(2, "1", "null", 15), ModelError);
}
