// The small loops over vectors, above all what argmax does with ties, NaN and infinities.
#include "core/kernels/vector.h"

#include <catch2/catch.hpp>

#include "tests/core/kernels/kernel_test.h"

using namespace terse;
using namespace terse::kernels;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
const std::vector<size_t> kSizes = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 96, 1000, 1024};

}  // namespace

TEST_CASE("add, multiply and widen match the reference bit for bit") {
  for_each_isa_and_type([](DType dtype) {
    for (const size_t n : kSizes) {
      const auto x = random_floats(n, 1);
      const TestWeights w(random_floats(n, 2), dtype);
      auto sum = random_floats(n, 3);
      auto expected = sum;
      add(x.data(), n, sum.data());
      reference::add(x.data(), n, expected.data());
      REQUIRE(sum == expected);
      multiply(x.data(), w, n, sum.data());
      reference::multiply(x.data(), w, n, expected.data());
      REQUIRE(sum == expected);
      widen(w, n, sum.data());
      REQUIRE(sum == values_of(w, n));
    }
  });
}

TEST_CASE("argmax finds the first of the largest values") {
  for_each_isa([] {
    for (const size_t n : kSizes) {
      for (uint32_t seed = 0; seed < 20; ++seed) {
        const auto x = random_integers(n, seed, 3);
        REQUIRE(argmax(x.data(), n) == reference::argmax(x.data(), n));
      }
    }
  });
}

TEST_CASE("argmax takes zeros of either sign as equal") {
  for_each_isa([] {
    const std::vector<float> x = {-1, -0.0f, 0.0f, -0.0f};
    CHECK(argmax(x.data(), x.size()) == 1);
  });
}

TEST_CASE("NaN never wins an argmax, and minus infinity beats it") {
  for_each_isa([] {
    for (const size_t n : kSizes) {
      std::vector<float> x(n, kNan);
      CHECK(argmax(x.data(), n) == 0);
      for (size_t i : {n - 1, n / 2, size_t{0}}) {
        std::fill(x.begin(), x.end(), kNan);
        x[i] = -kInfinity;
        REQUIRE(argmax(x.data(), n) == i);
        x[n - 1] = std::isnan(x[n - 1]) ? -5.0f : x[n - 1];
        REQUIRE(argmax(x.data(), n) == n - 1);
        x[i] = kInfinity;
        REQUIRE(argmax(x.data(), n) == i);
      }
      std::fill(x.begin(), x.end(), -kInfinity);
      REQUIRE(argmax(x.data(), n) == 0);
    }
  });
}

TEST_CASE("log_sum_exp matches the reference, also where exp alone would overflow") {
  for_each_isa([] {
    for (const size_t n : kSizes) {
      for (const float shift : {0.0f, 1000.0f, -1000.0f}) {
        auto x = random_floats(n, 5, 3.0f);
        for (float& value : x) value += shift;
        const float expected = reference::log_sum_exp(x.data(), n);
        // n roundings of the sum move its logarithm by n roundings; then one of the result.
        const double bound = kRounding * (static_cast<double>(n) + 8 + 2 * std::abs(expected));
        REQUIRE(std::abs(log_sum_exp(x.data(), n) - expected) <= bound);
      }
    }
  });
}

TEST_CASE("softmax_weights match the reference at each temperature") {
  for_each_isa([] {
    for (const size_t n : kSizes) {
      for (const float temperature : {0.3f, 1.0f, 20.0f}) {
        const auto x = random_floats(n, 6, 3.0f);
        std::vector<float> expected(n), found(n);
        reference::softmax_weights(x.data(), n, temperature, expected.data());
        softmax_weights(x.data(), n, temperature, found.data());
        for (size_t i = 0; i < n; ++i) {
          // The exponent has two roundings, which its size turns into those of the result.
          const double exponent = std::abs(std::log(static_cast<double>(expected[i])));
          const double bound = kRounding * expected[i] * (8 + 4 * exponent);
          REQUIRE(std::abs(found[i] - expected[i]) <= bound + 1e-38);
        }
      }
    }
  });
}

TEST_CASE("softmax_weights at extreme values leave 1 for the largest, and no NaN") {
  for_each_isa([] {
    constexpr float kLargest = std::numeric_limits<float>::max();
    for (const float temperature :
         {std::numeric_limits<float>::denorm_min(), 1e-30f, 1.0f, kLargest}) {
      for (const float best : {kLargest, 0.0f, -1e30f}) {
        std::vector<float> x(21, -kLargest);
        x[3] = -kInfinity;
        x[20] = best;
        softmax_weights(x.data(), x.size(), temperature, x.data());
        CHECK(x[3] == 0.0f);
        CHECK(x[20] == 1.0f);
        for (const float weight : x) REQUIRE((weight >= 0.0f && weight <= 1.0f));
      }
    }
  });
}

TEST_CASE("log_sum_exp of infinities and NaN is what the formula says") {
  for_each_isa([] {
    std::vector<float> x(20, -kInfinity);
    CHECK(log_sum_exp(x.data(), x.size()) == -kInfinity);
    x[3] = 2.0f;
    CHECK(log_sum_exp(x.data(), x.size()) == 2.0f);
    x[5] = kInfinity;
    CHECK(log_sum_exp(x.data(), x.size()) == kInfinity);
    x[5] = kNan;
    CHECK(std::isnan(log_sum_exp(x.data(), x.size())));
  });
}
