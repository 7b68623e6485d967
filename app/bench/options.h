// What `terse bench` can be asked.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "app/model_options.h"
#include "core/tensor.h"

namespace terse {

struct BenchOptions {
  ModelOptions model;
  std::string preset;
  std::string type = "f32";
  std::string cache = "f32";
  size_t context = 128;
  size_t tokens = 32;
  size_t repeat = 5;
  bool json = false;
};

/// The types that a preset's weights can have.
inline constexpr DType kWeightTypes[] = {DType::f32, DType::bf16, DType::int8, DType::int4};

std::vector<std::string> names_of(std::span<const DType> types);

/// The one of `types` with that name, which must be there.
DType type_named(const std::string& name, std::span<const DType> types);

}  // namespace terse
