#include "app/weight_type.h"

#include "core/error.h"

namespace terse {

std::vector<std::string> names_of(std::span<const DType> types) {
  std::vector<std::string> names;
  for (const DType type : types) names.emplace_back(name_of(type));
  return names;
}

DType type_named(const std::string& name) {
  for (const DType type : kWeightTypes) {
    if (name == name_of(type)) return type;
  }
  throw UsageError("--type: expected f32, bf16, int8 or int4, found '" + name + "'");
}

}  // namespace terse
