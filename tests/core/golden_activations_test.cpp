// The pointwise non-linearities against Trax, by name.
#include <catch2/catch.hpp>

#include "core/error.h"
#include "core/layers/activation.h"
#include "io/json.h"
#include "tests/support/golden.h"

namespace terse::test {

TEST_CASE("Activations equal Trax's", "[golden]") {
  const std::string name = GENERATE("elu", "fastgelu", "gelu", "hardsigmoid", "relu", "selu",
                                    "sigmoid", "softplus", "tanh");
  CAPTURE(name);
  const auto folder = golden("layers") / ("activation_" + name);
  Npy x = read_npy(folder / "input_0.npy");
  const Npy expected = read_npy(folder / "output_0.npy");
  const std::string layer = read_json_file(folder / "config.json")["layer"].get<std::string>();
  kernels::activate(activation_of(layer), x.floats.data(), x.floats.size());
  CHECK(largest_difference(ConstMatrix(x.floats.data(), 1, x.floats.size()),
                           ConstMatrix(expected.floats.data(), 1, x.floats.size())) < 1e-6);
}

TEST_CASE("An activation that nobody knows is refused") {
  CHECK_THROWS_AS(activation_of("Swish"), ModelError);
}

}  // namespace terse::test
