// The pointwise non-linearities by the names that Trax gives them.
#pragma once

#include <string>

#include "core/kernels/activation.h"

namespace terse {

/// "Relu", "Gelu", "FastGelu", "Sigmoid", "Tanh", "HardSigmoid", "Elu", "Selu" or "Softplus".
/// Throws ModelError for another name.
kernels::Activation activation_of(const std::string& name);

}  // namespace terse
