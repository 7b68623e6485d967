// Layer normalisation against the reference.
#include "core/kernels/layer_norm.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "tests/core/kernels/kernel_test.h"

using namespace terse;
using namespace terse::kernels;

namespace {

double mean_square(const std::vector<float>& x) {
  return std::inner_product(x.begin(), x.end(), x.begin(), 0.0) / static_cast<double>(x.size());
}

}  // namespace

TEST_CASE("layer_norm stays within the rounding of its sums") {
  for_each_isa([] {
    for (const size_t n : {2, 3, 15, 16, 17, 31, 33, 63, 96, 511, 512, 513, 1024, 1500}) {
      for (const float offset : {0.0f, 30.0f}) {
        auto x = random_floats(n, 1);
        for (float& value : x) value += offset;
        const auto scale = random_floats(n, 2);
        const auto bias = random_floats(n, 3);
        for (const bool center : {true, false}) {
          INFO("n " << n << " offset " << offset << " center " << center);
          std::vector<float> y(n);
          std::vector<float> expected(n);
          const float* b = center ? bias.data() : nullptr;
          layer_norm(x.data(), n, scale.data(), b, center, y.data());
          reference::layer_norm(x.data(), n, scale.data(), b, center, expected.data());
          // The mean is off by up to n roundings of the size of x; divided by the deviation, that
          // is the error of a normalised value, which n more roundings of the variance scale.
          auto centered = x;
          const float mean = std::accumulate(x.begin(), x.end(), 0.0f) / static_cast<float>(n);
          for (float& value : centered) value -= center ? mean : 0.0f;
          const double deviation = std::sqrt(mean_square(centered) + 1e-6);
          const double size = std::sqrt(mean_square(x)) / deviation;
          const double roundings = static_cast<double>(n + 8) * kRounding;
          for (size_t i = 0; i < n; ++i) {
            const double normal = std::abs(centered[i]) / deviation + 1;
            const double bound = roundings * (size + normal) * std::abs(scale[i]);
            REQUIRE(std::abs(y[i] - expected[i]) <= bound + 2 * kRounding * std::abs(bias[i]));
          }
        }
      }
    }
  });
}

TEST_CASE("layer_norm of a constant vector is its bias") {
  for_each_isa([] {
    for (const size_t n : {1, 16, 17, 1300}) {
      const std::vector<float> x(n, 2.5f);
      const auto scale = random_floats(n, 4);
      const auto bias = random_floats(n, 5);
      std::vector<float> y(n);
      layer_norm(x.data(), n, scale.data(), bias.data(), true, y.data());
      CHECK(y == bias);
    }
  });
}

TEST_CASE("A vector normalised part by part has the bits of the whole") {
  for_each_isa([] {
    for (const size_t n : {100, 512, 513, 9216}) {
      for (const bool center : {true, false}) {
        const auto x = random_floats(n, 9);
        const auto scale = random_floats(n, 10);
        const auto bias = random_floats(n, 11);
        std::vector<float> whole(n), parts(n);
        layer_norm(x.data(), n, scale.data(), bias.data(), center, whole.data());
        const auto size_of_part = [&](size_t i) { return std::min(kNormPart, n - i * kNormPart); };
        std::vector<Moments> moments(norm_parts(n));
        for (size_t i = moments.size(); i-- > 0;) {
          moments[i] = moments_of(&x[i * kNormPart], size_of_part(i), center);
        }
        const Norm norm = norm_of(moments, n);
        for (size_t i = 0; i < moments.size(); ++i) {
          const size_t first = i * kNormPart;
          normalise(&x[first], size_of_part(i), norm, &scale[first],
                    center ? &bias[first] : nullptr, &parts[first]);
        }
        CHECK(parts == whole);
      }
    }
  });
}

TEST_CASE("layer_norm of a huge mean stays finite where the deviation does") {
  for_each_isa([] {
    for (const size_t n : {64, 1300}) {
      const std::vector<float> x(n, 1e25f);
      const auto scale = random_floats(n, 12);
      const auto bias = random_floats(n, 13);
      std::vector<float> y(n);
      layer_norm(x.data(), n, scale.data(), bias.data(), true, y.data());
      for (const float value : y) REQUIRE(std::isfinite(value));
    }
  });
}

TEST_CASE("layer_norm may write over its input") {
  for_each_isa([] {
    auto x = random_floats(37, 6);
    const auto scale = random_floats(37, 7);
    const auto bias = random_floats(37, 8);
    std::vector<float> y(37);
    layer_norm(x.data(), 37, scale.data(), bias.data(), true, y.data());
    layer_norm(x.data(), 37, scale.data(), bias.data(), true, x.data());
    CHECK(x == y);
  });
}
