// matmul against the reference, and its promise that the blocking does not show in the bits.
#include "core/kernels/matmul.h"

#include <catch2/catch.hpp>

#include "tests/core/kernels/kernel_test.h"

using namespace terse;
using namespace terse::kernels;

namespace {

struct Case {
  size_t m, n, k;
};

const std::vector<Case> kCases = {
    {1, 1, 1},     {1, 7, 3},   {1, 8, 15},  {1, 9, 16},  {1, 63, 17},  {1, 64, 1024},
    {2, 3, 96},    {3, 17, 63}, {5, 5, 100}, {6, 16, 64}, {7, 13, 33},  {13, 96, 31},
    {64, 33, 48},  {11, 1, 5},  {4, 2, 1},   {2, 600, 7}, {8, 4, 4099}, {17, 300, 257},
    {1, 1030, 20}, {6, 4, 0},   {3, 0, 8}};

/// y = x w + bias with rows that stand further apart than they are long; a margin of y that matmul
/// must leave alone holds 77.
std::vector<float> product(const Case& c, const std::vector<float>& x, size_t x_stride,
                           WeightView w, const float* bias, size_t y_stride) {
  std::vector<float> y(c.m * y_stride, 77.0f);
  matmul(x.data(), x_stride, c.m, w, c.n, c.k, bias, y.data(), y_stride);
  return y;
}

}  // namespace

TEST_CASE("matmul is exact on small integers at every shape") {
  for_each_isa_and_type([](DType dtype) {
    for (const Case& c : kCases) {
      INFO("m " << c.m << " n " << c.n << " k " << c.k);
      const size_t x_stride = c.k + 3;
      const size_t y_stride = c.n + 2;
      const auto x = random_integers((c.m - 1) * x_stride + c.k, 1);
      const TestWeights w(random_integers(c.n * c.k, 2), dtype);
      const auto bias = random_integers(c.n, 3);
      for (const float* b : {bias.data(), static_cast<const float*>(nullptr)}) {
        std::vector<float> expected(c.m * y_stride, 77.0f);
        reference::matmul(x.data(), x_stride, c.m, w, c.n, c.k, b, expected.data(), y_stride);
        REQUIRE(product(c, x, x_stride, w, b, y_stride) == expected);
      }
    }
  });
}

TEST_CASE("matmul stays within the rounding of its sums") {
  for_each_isa_and_type([](DType dtype) {
    for (const Case& c : kCases) {
      INFO("m " << c.m << " n " << c.n << " k " << c.k);
      const auto x = random_floats(c.m * c.k, 4);
      const TestWeights w(random_floats(c.n * c.k, 5), dtype);
      const auto y = product(c, x, c.k, w, nullptr, c.n);
      std::vector<float> expected(c.m * c.n);
      reference::matmul(x.data(), c.k, c.m, w, c.n, c.k, nullptr, expected.data(), c.n);
      // A sum of k products is off by at most k roundings of the sum of their sizes.
      const auto sizes_w = absolute(values_of(w, c.n * c.k));
      std::vector<float> sizes(c.m * c.n);
      reference::matmul(absolute(x).data(), c.k, c.m, sizes_w.data(), c.n, c.k, nullptr,
                        sizes.data(), c.n);
      const double roundings = static_cast<double>(c.k + 1) * kRounding;
      for (size_t i = 0; i < y.size(); ++i) {
        REQUIRE(std::abs(y[i] - expected[i]) <= roundings * sizes[i]);
      }
    }
  });
}

TEST_CASE("matmul gives the same bits however rows and outputs are split") {
  for_each_isa_and_type([](DType dtype) {
    for (const Case& c : {Case{13, 37, 96}, Case{8, 64, 1024}, Case{19, 530, 130}}) {
      const auto x = random_floats(c.m * c.k, 6);
      const TestWeights w(random_floats(c.n * c.k, 7), dtype);
      const auto bias = random_floats(c.n, 8);
      const auto whole = product(c, x, c.k, w, bias.data(), c.n);
      for (const size_t rows : {1, 2, 3, 5, 6, 7}) {
        for (const size_t outputs : {1, 3, 4, 8, 11, 64}) {
          std::vector<float> parts(c.m * c.n);
          for (size_t i = 0; i < c.m; i += rows) {
            for (size_t j = 0; j < c.n; j += outputs) {
              matmul(x.data() + i * c.k, c.k, std::min(rows, c.m - i), WeightView(w).from(j * c.k),
                     std::min(outputs, c.n - j), c.k, bias.data() + j, parts.data() + i * c.n + j,
                     c.n);
            }
          }
          REQUIRE(parts == whole);
        }
      }
    }
  });
}

TEST_CASE("a NaN in one row of weights touches one output only") {
  for_each_isa([] {
    auto weights = random_floats(10 * 20, 9);
    weights[3 * 20 + 19] = std::numeric_limits<float>::quiet_NaN();
    const auto x = random_floats(20, 10);
    std::vector<float> y(10);
    matmul(x.data(), 20, 1, weights.data(), 10, 20, nullptr, y.data(), 10);
    for (size_t j = 0; j < 10; ++j) CHECK(std::isnan(y[j]) == (j == 3));
  });
}
