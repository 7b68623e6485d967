// The configuration file: flags by name, for all commands or for one.
#pragma once

#include <string>
#include <vector>

namespace terse {

/// One line "name = value" of a configuration file.
struct ConfigEntry {
  std::string command;  // the section, "summarize" or "model info"; empty: for all commands
  std::string name;     // a flag without its dashes
  std::vector<std::string> values;
  size_t line;  // from 1
};

/// Reads the part of TOML that flags need: comments, [sections], and name = value, where a value is
/// a string in double quotes, a number, true or false, or a list of these on one line. A bare word
/// is a string, as in INI files. Throws InputError when the file cannot be read, UsageError naming
/// the line for anything else.
std::vector<ConfigEntry> read_config_file(const std::string& path);

/// A value as read_config_file() understands it.
std::string config_value(const std::string& value);

}  // namespace terse
