// The convolution over (length, modules) against the reference, at every edge of its tiles.
#include "core/kernels/convolution.h"

#include <catch2/catch.hpp>

#include "tests/core/kernels/kernel_test.h"

using namespace terse;
using namespace terse::kernels;

namespace {

struct Case {
  size_t modules, module, width, taps, n;  // width counts modules
};

const std::vector<Case> kCases = {{1, 1, 1, 1, 1},   {2, 3, 1, 2, 5},  {4, 8, 3, 3, 8},
                                  {6, 16, 3, 1, 4},  {7, 5, 3, 3, 17}, {13, 33, 1, 3, 6},
                                  {16, 64, 3, 3, 64}};

}  // namespace

TEST_CASE("convolve is exact on small integers at every shape, and for any part of the outputs") {
  for_each_isa_and_type([](DType dtype) {
    for (const Case& c : kCases) {
      INFO("modules " << c.modules << " of " << c.module << ", n " << c.n);
      const size_t stride = (c.modules + c.width - 1) * c.module;
      const size_t run = c.width * c.module;
      const auto x = random_integers(c.taps * stride, 1);
      const TestWeights w(random_integers(c.n * c.taps * run, 2), dtype);
      const auto bias = random_integers(c.n, 3);
      const Patches patches{x.data(), c.modules, c.module, c.taps, stride, run};
      const size_t y_stride = c.n + 2;
      std::vector<float> expected(c.modules * y_stride, 77.0f), whole = expected, parts = expected;
      reference::convolve(patches, w, c.n, bias.data(), expected.data(), y_stride);
      convolve(patches, w, c.n, bias.data(), whole.data(), y_stride);
      REQUIRE(whole == expected);
      for (size_t o = 0; o < c.n; o += 3) {
        convolve(patches, WeightView(w).outputs(o, c.taps * run), std::min<size_t>(3, c.n - o),
                 bias.data() + o, parts.data() + o, y_stride);
      }
      REQUIRE(parts == expected);
    }
  });
}
