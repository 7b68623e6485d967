// --cache, the same for all commands that decode, score or measure.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "core/cache_type.h"

namespace terse {

/// `type` holds the default and gets what is given.
void add_cache_option(CLI::App& command, std::string& type);

/// "f32", "bf16", "int8"
CacheType cache_type_of(const std::string& name);

}  // namespace terse
