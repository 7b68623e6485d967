#include "core/layers/activation.h"

#include <utility>

#include "core/error.h"

namespace terse {

kernels::Activation activation_of(const std::string& name) {
  using kernels::Activation;
  constexpr std::pair<const char*, Activation> kNames[] = {
      {"Relu", Activation::relu},
      {"Gelu", Activation::gelu},
      {"FastGelu", Activation::fast_gelu},
      {"Sigmoid", Activation::sigmoid},
      {"Tanh", Activation::tanh},
      {"HardSigmoid", Activation::hard_sigmoid},
      {"Elu", Activation::elu},
      {"Selu", Activation::selu},
      {"Softplus", Activation::softplus},
  };
  for (const auto& [known, activation] : kNames) {
    if (name == known) return activation;
  }
  throw ModelError("unknown activation '" + name + "'");
}

}  // namespace terse
