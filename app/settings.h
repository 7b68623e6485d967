// Flags from elsewhere: the environment and the configuration file, as if they had been typed.
// Precedence: built in < the model's generation_config.json < configuration file < environment <
// command line.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

namespace terse {

struct Settings {
  std::vector<std::string> arguments;          // "--max-tokens=8"
  std::map<std::string, std::string> origins;  // flag name -> where it comes from, for messages
};

/// The settings for `command` that its command line does not give. `command` has been parsed, so it
/// knows which flags were given; `root` knows all commands. Throws UsageError, InputError.
Settings settings_from_elsewhere(CLI::App& root, const CLI::App& command);

/// All settings of a parsed command as a configuration file. Those with built-in values are
/// comments.
std::string settings_as_config(const CLI::App& command);

}  // namespace terse
