// The non-linearities against the reference, over all sizes of argument.
#include "core/kernels/activation.h"

#include <catch2/catch.hpp>

#include "tests/core/kernels/kernel_test.h"

using namespace terse;
using namespace terse::kernels;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

const std::vector<Activation> kAll = {
    Activation::relu,    Activation::gelu, Activation::fast_gelu,
    Activation::sigmoid, Activation::tanh, Activation::hard_sigmoid,
    Activation::elu,     Activation::selu, Activation::softplus};

/// Every size of argument from 1e-30 to 1e30, either sign, and the special values but NaN.
std::vector<float> arguments() {
  std::vector<float> x = {0.0f, -0.0f, 1.0f, -1.0f, 88.0f, -88.0f, 89.0f, -89.0f, 104.0f, -105.0f};
  for (float size = 1e-30f; size < 1e30f; size *= 1.37f) {
    x.push_back(size);
    x.push_back(-size);
  }
  for (float value = -20.0f; value < 20.0f; value += 0.013f) x.push_back(value);
  return x;
}

/// Four units in the last place of the result; and the rounding of what it is computed from: z * z
/// in the exponent of gelu, 1 + tanh in fast_gelu, which cancels where x is negative.
double bound(Activation kind, double x, double expected) {
  const double result = 8 * kRounding * std::abs(expected) + 1e-37;
  if (kind == Activation::gelu) return result + 4 * kRounding * (x * x * std::abs(expected));
  if (kind == Activation::fast_gelu && std::abs(x) < 100) {
    return result + 8 * kRounding * std::abs(x);
  }
  return result;
}

}  // namespace

TEST_CASE("activations match the reference at every size of argument") {
  for_each_isa([] {
    for (const Activation kind : kAll) {
      const auto x = arguments();
      auto y = x;
      auto expected = x;
      activate(kind, y.data(), y.size());
      reference::activate(kind, expected.data(), expected.size());
      for (size_t i = 0; i < x.size(); ++i) {
        INFO("kind " << static_cast<int>(kind) << " x " << x[i] << " y " << y[i] << " expected "
                     << expected[i]);
        REQUIRE(std::abs(y[i] - expected[i]) <= bound(kind, x[i], expected[i]));
      }
    }
  });
}

TEST_CASE("activations give the same at every place of a vector, and leave what follows alone") {
  for_each_isa([] {
    for (const Activation kind : kAll) {
      float one = -0.37f;
      activate(kind, &one, 1);
      for (const size_t n : {1, 3, 15, 16, 17, 63}) {
        std::vector<float> x(n, -0.37f);
        activate(kind, x.data(), n);
        REQUIRE(x == std::vector<float>(n, one));
      }
    }
  });
}

TEST_CASE("NaN stays NaN in every activation, in the lane where it stood") {
  for_each_isa([] {
    for (const Activation kind : kAll) {
      std::vector<float> x(21, 0.5f);
      x[2] = x[20] = kNan;
      activate(kind, x.data(), x.size());
      for (size_t i = 0; i < x.size(); ++i) {
        INFO("kind " << static_cast<int>(kind) << " at " << i);
        REQUIRE(std::isnan(x[i]) == (i == 2 || i == 20));
      }
    }
  });
}

TEST_CASE("infinities go to the limits of the activations that have them") {
  for_each_isa([] {
    const auto at = [](Activation kind, float x) {
      activate(kind, &x, 1);
      return x;
    };
    for (const Activation kind :
         {Activation::sigmoid, Activation::tanh, Activation::hard_sigmoid}) {
      CHECK(at(kind, kInfinity) == 1.0f);
      CHECK(at(kind, -kInfinity) == (kind == Activation::tanh ? -1.0f : 0.0f));
    }
    for (const Activation kind : {Activation::relu, Activation::gelu, Activation::elu,
                                  Activation::selu, Activation::softplus}) {
      CHECK(at(kind, kInfinity) == kInfinity);
    }
    CHECK(at(Activation::relu, -kInfinity) == 0.0f);
    CHECK(at(Activation::elu, -kInfinity) == -1.0f);
    CHECK(at(Activation::softplus, -kInfinity) == 0.0f);
  });
}
