// gated_matmul against gating and product one after the other: to the bit, whatever the split.
#include "core/kernels/gated_matmul.h"

#include <catch2/catch.hpp>

#include "core/kernels/matmul.h"
#include "core/kernels/vector.h"
#include "tests/core/kernels/kernel_test.h"

using namespace terse;
using namespace terse::kernels;

namespace {

struct Case {
  size_t modules, n, k;
};

const std::vector<Case> kCases = {{1, 1, 1},    {2, 7, 3},   {3, 4, 16},
                                  {6, 5, 33},   {7, 13, 96}, {16, 64, 64},
                                  {13, 3, 130}, {4, 8, 0},   {16, 64, 1024}};

/// With rows of y that stand further apart than they are long.
struct Product {
  Product(const Case& shape, const std::vector<float>& x, const std::vector<float>& g,
          const std::vector<float>& w, DType dtype)
      : c(shape), x(x), gates(g, dtype), w(w, dtype) {}

  std::vector<float> in_parts(const float* bias, size_t outputs, const ReadList& later = {}) const {
    std::vector<float> y(c.modules * stride, 77.0f);
    for (size_t j = 0; j < c.n; j += outputs) {
      gated_matmul(x.data(), gates, c.modules, WeightView(w).outputs(j, c.k),
                   std::min(outputs, c.n - j), c.k, bias == nullptr ? nullptr : bias + j,
                   y.data() + j, stride, later);
    }
    return y;
  }

  std::vector<float> one_by_one(const float* bias) const {
    std::vector<float> y(c.modules * stride, 77.0f), row(c.k);
    for (size_t i = 0; i < c.modules; ++i) {
      multiply(x.data(), WeightView(gates).row(i, c.k), c.k, row.data());
      matmul(row.data(), c.k, 1, w, c.n, c.k, bias == nullptr ? nullptr : bias + i * stride,
             y.data() + i * stride, stride);
    }
    return y;
  }

  Case c;
  size_t stride = c.n + 2;
  std::vector<float> x;
  TestWeights gates, w;
};

}  // namespace

TEST_CASE("gated_matmul gives the bits of gated rows and their product, however it is split") {
  const std::vector<std::byte> memory(64 * 500);
  const ReadList later = ReadList(ReadAhead(memory.data(), 64 * 3, 100, 64 * 5));
  for_each_isa_and_type([&](DType dtype) {
    for (const Case& c : kCases) {
      INFO("modules " << c.modules << " n " << c.n << " k " << c.k);
      const Product product(c, random_floats(c.k, 1), random_floats(c.modules * c.k, 2),
                            random_floats(c.n * c.k, 3), dtype);
      const auto bias = random_floats(c.modules * product.stride, 4);
      for (const float* b : {bias.data(), static_cast<const float*>(nullptr)}) {
        const std::vector<float> expected = product.one_by_one(b);
        for (const size_t outputs : {c.n, size_t{1}, size_t{3}, size_t{16}}) {
          REQUIRE(product.in_parts(b, outputs) == expected);
          REQUIRE(product.in_parts(b, outputs, later) == expected);
        }
      }
    }
  });
}

TEST_CASE("gated_matmul is exact on small integers at every shape") {
  for_each_isa_and_type([](DType dtype) {
    for (const Case& c : kCases) {
      INFO("modules " << c.modules << " n " << c.n << " k " << c.k);
      const Product product(c, random_integers(c.k, 1), random_integers(c.modules * c.k, 2),
                            random_integers(c.n * c.k, 3), dtype);
      const auto bias = random_integers(c.modules * product.stride, 4);
      std::vector<float> expected(c.modules * product.stride, 77.0f);
      reference::gated_matmul(product.x.data(), product.gates, c.modules, product.w, c.n, c.k,
                              bias.data(), expected.data(), product.stride);
      REQUIRE(product.in_parts(bias.data(), c.n) == expected);
    }
  });
}
