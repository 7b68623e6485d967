#include "app/cache_option.h"

namespace terse {

void add_cache_option(CLI::App& command, std::string& type) {
  command
      .add_option("--cache", type,
                  "Type of the keys and values that attention remembers (default: " + type + ")")
      ->type_name("TYPE")
      ->check(CLI::IsMember({"f32", "bf16", "int8"}));
}

CacheType cache_type_of(const std::string& name) {
  if (name == "int8") return CacheType::int8;
  return name == "bf16" ? CacheType::bf16 : CacheType::f32;
}

}  // namespace terse
