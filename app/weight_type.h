// The types of weights as users name them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace terse {

/// The types that a model's weights can have as a whole.
inline constexpr DType kWeightTypes[] = {DType::f32, DType::bf16, DType::int8, DType::int4};

std::vector<std::string> names_of(std::span<const DType> types);

/// The type of kWeightTypes with that name. Throws UsageError for any other one.
DType type_named(const std::string& name);

}  // namespace terse
