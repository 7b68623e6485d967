// One step of the SRU against the reference.
#include "core/kernels/sru.h"

#include <catch2/catch.hpp>

#include "tests/core/kernels/kernel_test.h"

using namespace terse;
using namespace terse::kernels;

TEST_CASE("sru_step matches the reference and may write over x") {
  for_each_isa([] {
    for (const size_t n : {1, 3, 15, 16, 17, 32, 63, 1024}) {
      const auto gates = random_floats(3 * n, 1, 2.0f);
      const auto x = random_floats(n, 2);
      const auto start = random_floats(n, 3);
      auto expected_cell = start;
      std::vector<float> expected(n);
      reference::sru_step(gates.data(), x.data(), n, expected_cell.data(), expected.data());
      auto cell = start;
      auto out = x;
      sru_step(gates.data(), out.data(), n, cell.data(), out.data());
      for (size_t i = 0; i < n; ++i) {
        // Two gates and two blends: some ten roundings of the largest term.
        const double size = std::abs(start[i]) + std::abs(gates[2 * n + i]);
        REQUIRE(std::abs(cell[i] - expected_cell[i]) <= 12 * kRounding * size);
        REQUIRE(std::abs(out[i] - expected[i]) <= 24 * kRounding * (size + 2 * std::abs(x[i])));
      }
    }
  });
}
