// What can be wrong with the numbers of a model that opens without complaint.
#pragma once

#include <string>
#include <vector>

#include "io/safetensors.h"

namespace terse {

/// One line for each tensor with values that are not finite: "NAME: 2 NaN, 1 infinite, the first at
/// element 17 of 256x256".
std::vector<std::string> tensors_with_non_finite_values(const SafetensorsFile& weights);

}  // namespace terse
