// The flags that every command has: how much it says, in which colours, and where its settings come
// from.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace terse {

struct CommonOptions {
  bool quiet = false;
  bool verbose = false;
  std::string color = "auto";
  std::string isa;     // empty: the best that there is
  std::string config;  // read before the options are final (app/settings.h)
  bool dump_config = false;
};

void add_common_options(CLI::App& command, CommonOptions& options);

/// Makes them take effect. Throws UsageError.
void apply(const CommonOptions& options);

}  // namespace terse
