// Random numbers against JAX's (tests/golden/layers/random.json).
#include "core/random.h"

#include <catch2/catch.hpp>
#include <vector>

#include "io/json.h"
#include "tests/support/golden.h"

namespace terse {
namespace {

RandomKey key_from(const nlohmann::json& json) {
  return {json[0].get<uint32_t>(), json[1].get<uint32_t>()};
}

}  // namespace

TEST_CASE("Keys split, bits and normal numbers are JAX's", "[golden]") {
  const auto json = read_json_file(test::golden("layers") / "random.json");
  const RandomKey key = key_from(json["key"]);
  const auto halves = split(key);
  CHECK(halves[0] == key_from(json["split_2"][0]));
  CHECK(halves[1] == key_from(json["split_2"][1]));

  std::vector<uint32_t> odd(5);
  random_bits(key, odd);
  CHECK(odd == json["bits_5"].get<std::vector<uint32_t>>());

  for (const char* name : {"normal_7", "normal_2x3x2"}) {
    const auto expected = json[name].get<std::vector<float>>();
    std::vector<float> normal(expected.size());
    random_normal(key, normal);
    for (size_t i = 0; i < expected.size(); ++i) {
      CHECK(normal[i] == Approx(expected[i]).epsilon(3e-7));
    }
  }
}

TEST_CASE("threefry2x32 gives the vectors of its authors") {
  // Salmon et al., Random123, kat_vectors: threefry2x32, 20 rounds.
  CHECK(threefry2x32({0, 0}, {0, 0}) == std::array<uint32_t, 2>{0x6b200159, 0x99ba4efe});
  CHECK(threefry2x32({0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        std::array<uint32_t, 2>{0x1cb996fc, 0xbb002be7});
}

TEST_CASE("Normal numbers have mean 0, deviation 1, and no infinity in a million") {
  std::vector<float> normal(1000000);
  random_normal({3, 4}, normal);
  double sum = 0, squares = 0, largest = 0;
  for (const float x : normal) {
    sum += x;
    squares += double{x} * x;
    largest = std::max(largest, std::abs(double{x}));
  }
  CHECK(sum / 1e6 == Approx(0).margin(4e-3));
  CHECK(squares / 1e6 == Approx(1).margin(6e-3));
  CHECK(largest < 6);
  CHECK(largest > 4);
}

}  // namespace terse
