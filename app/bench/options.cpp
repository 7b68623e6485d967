#include "app/bench/options.h"

#include "core/error.h"

namespace terse {

std::vector<std::string> names_of(std::span<const DType> types) {
  std::vector<std::string> names;
  for (const DType type : types) names.emplace_back(name_of(type));
  return names;
}

DType type_named(const std::string& name, std::span<const DType> types) {
  for (const DType type : types) {
    if (name == name_of(type)) return type;
  }
  throw UsageError("unknown type '" + name + "'");
}

}  // namespace terse
