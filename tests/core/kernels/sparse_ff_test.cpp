// The kernels of the sparse feed-forward layer: the choice, its ties, and the chosen rows.
#include "core/kernels/sparse_ff.h"

#include <catch2/catch.hpp>

#include "tests/core/kernels/kernel_test.h"

using namespace terse;
using namespace terse::kernels;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<uint32_t> random_choice(size_t blocks, size_t n, uint32_t seed) {
  std::mt19937 generator(seed);
  std::vector<uint32_t> choice(blocks);
  for (uint32_t& unit : choice) unit = static_cast<uint32_t>(generator() % n);
  return choice;
}

struct Case {
  size_t blocks, n, d;
};

const std::vector<Case> kCases = {{1, 1, 1},   {2, 3, 3},    {3, 2, 15},  {4, 4, 16},
                                  {5, 64, 17}, {7, 8, 63},   {8, 16, 96}, {9, 4, 100},
                                  {96, 3, 31}, {13, 5, 130}, {6, 2, 1024}};

}  // namespace

TEST_CASE("choose_units takes the first unit of the largest logit") {
  for_each_isa_and_type([](DType dtype) {
    for (const size_t n : {1, 2, 4, 15, 16, 17, 32, 64, 65, 130, 300}) {
      for (const size_t rank : {1, 3, 16, 96}) {
        INFO("n " << n << " rank " << rank);
        const size_t blocks = 7;
        // Small integers, so that sums are exact and ties are many.
        const auto low = random_integers(rank, 1, 1);
        const TestWeights up(random_integers(blocks * rank * n, 2, 1), dtype);
        const auto bias = random_integers(blocks * n, 3, 1);
        std::vector<uint32_t> choice(blocks), expected(blocks);
        choose_units(low.data(), up, bias.data(), blocks, rank, n, choice.data());
        reference::choose_units(low.data(), up, bias.data(), blocks, rank, n, expected.data());
        REQUIRE(choice == expected);
      }
    }
  });
}

TEST_CASE("choose_units on a part of the blocks chooses as on all") {
  for_each_isa_and_type([](DType dtype) {
    const size_t blocks = 12, rank = 33, n = 64;
    const auto low = random_floats(rank, 4);
    const TestWeights up(random_floats(blocks * rank * n, 5), dtype);
    const auto bias = random_floats(blocks * n, 6);
    std::vector<uint32_t> whole(blocks), parts(blocks);
    choose_units(low.data(), up, bias.data(), blocks, rank, n, whole.data());
    for (size_t b = 0; b < blocks; b += 5) {
      choose_units(low.data(), WeightView(up).from(b * rank * n), bias.data() + b * n,
                   std::min<size_t>(5, blocks - b), rank, n, parts.data() + b);
    }
    CHECK(parts == whole);
  });
}

TEST_CASE("choose_units copes with logits that are infinite or NaN") {
  for_each_isa([] {
    const float low = 0.0f;
    for (const size_t n : {3, 17, 64, 130}) {
      const std::vector<float> up(n, 1.0f);
      const auto chosen = [&](const std::vector<float>& bias) {
        uint32_t choice = 99999;
        choose_units(&low, up.data(), bias.data(), 1, 1, n, &choice);
        return choice;
      };
      std::vector<float> bias(n, kNan);
      CHECK(chosen(bias) == 0);
      bias[n - 1] = -kInfinity;
      CHECK(chosen(bias) == n - 1);
      std::fill(bias.begin(), bias.end(), -kInfinity);
      CHECK(chosen(bias) == 0);
      bias[n - 2] = -3.0f;
      bias[0] = kNan;
      CHECK(chosen(bias) == n - 2);
    }
  });
}

TEST_CASE("chosen_hidden and add_chosen_outputs are exact on small integers") {
  for_each_isa_and_type([](DType dtype) {
    for (const Case& c : kCases) {
      INFO("blocks " << c.blocks << " n " << c.n << " d " << c.d);
      const auto x = random_integers(c.d, 7);
      const TestWeights units(random_integers(c.blocks * c.n * 2 * c.d, 8), dtype);
      const auto choice = random_choice(c.blocks, c.n, 9);
      std::vector<float> hidden(c.blocks), expected(c.blocks);
      chosen_hidden(x.data(), units, choice.data(), c.blocks, c.blocks, c.n, c.d, hidden.data());
      reference::chosen_hidden(x.data(), units, choice.data(), c.blocks, c.n, c.d, expected.data());
      REQUIRE(hidden == expected);
      // Smaller factors than these sums, so that the next sums are exact too.
      for (size_t b = 0; b < c.blocks; ++b) hidden[b] = static_cast<float>(b % 3);
      auto y = random_integers(c.d, 10);
      auto y_expected = y;
      add_chosen_outputs(hidden.data(), units, choice.data(), c.blocks, c.n, c.d, 0, c.d, y.data());
      reference::add_chosen_outputs(hidden.data(), units, choice.data(), c.blocks, c.n, c.d, 0, c.d,
                                    y_expected.data());
      REQUIRE(y == y_expected);
    }
  });
}

TEST_CASE("chosen_hidden stays within the rounding of its sums") {
  for_each_isa_and_type([](DType dtype) {
    const size_t blocks = 10, n = 4, d = 1000;
    const auto x = random_floats(d, 11);
    const TestWeights units(random_floats(blocks * n * 2 * d, 12), dtype);
    const auto sizes = absolute(values_of(units, blocks * n * 2 * d));
    const auto choice = random_choice(blocks, n, 13);
    std::vector<float> hidden(blocks), expected(blocks), size(blocks);
    chosen_hidden(x.data(), units, choice.data(), blocks, blocks, n, d, hidden.data());
    reference::chosen_hidden(x.data(), units, choice.data(), blocks, n, d, expected.data());
    reference::chosen_hidden(absolute(x).data(), sizes.data(), choice.data(), blocks, n, d,
                             size.data());
    for (size_t b = 0; b < blocks; ++b) {
      REQUIRE(std::abs(hidden[b] - expected[b]) <= d * kRounding * size[b]);
    }
  });
}

TEST_CASE("add_chosen_outputs gives the same bits however columns are split") {
  for_each_isa_and_type([](DType dtype) {
    const size_t blocks = 23, n = 4, d = 150;
    const TestWeights units(random_floats(blocks * n * 2 * d, 14), dtype);
    const auto choice = random_choice(blocks, n, 15);
    auto hidden = random_floats(blocks, 16);
    for (float& value : hidden) value = std::max(value, 0.0f);
    const auto start = random_floats(d, 17);
    auto whole = start;
    add_chosen_outputs(hidden.data(), units, choice.data(), blocks, n, d, 0, d, whole.data());
    for (const size_t columns : {1, 7, 16, 64, 75, 149}) {
      auto parts = start;
      for (size_t j = 0; j < d; j += columns) {
        add_chosen_outputs(hidden.data(), units, choice.data(), blocks, n, d, j,
                           std::min(j + columns, d), parts.data());
      }
      REQUIRE(parts == whole);
    }
  });
}

TEST_CASE("rows of units whose hidden value is zero are not read") {
  for_each_isa([] {
    const size_t blocks = 9, d = 20;
    std::vector<float> units(blocks * 2 * d, kNan);
    std::vector<float> hidden(blocks, 0.0f);
    hidden[4] = 2.0f;
    std::fill_n(units.begin() + (4 * 2 + 1) * d, d, 3.0f);
    const std::vector<uint32_t> choice(blocks, 0);
    std::vector<float> y(d, 1.0f);
    add_chosen_outputs(hidden.data(), units.data(), choice.data(), blocks, 1, d, 0, d, y.data());
    CHECK(y == std::vector<float>(d, 7.0f));
  });
}

TEST_CASE("a NaN among the inputs shows in the hidden values") {
  for_each_isa([] {
    const std::vector<float> x(20, kNan), units(5 * 2 * 20, 1.0f);
    const std::vector<uint32_t> choice(5, 0);
    std::vector<float> hidden(5);
    chosen_hidden(x.data(), units.data(), choice.data(), 5, 5, 1, 20, hidden.data());
    for (const float value : hidden) CHECK(std::isnan(value));
  });
}
