#include "app/config_file.h"

#include <fmt/core.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace terse {
namespace {

std::string trimmed(const std::string& text) {
  constexpr const char* blanks = " \t\r";
  const size_t first = text.find_first_not_of(blanks);
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// The line up to a # that is not inside a string.
std::string without_comment(const std::string& line) {
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (quoted && line[i] == '\\') {
      ++i;
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == '#' && !quoted) {
      return line.substr(0, i);
    }
  }
  return line;
}

std::string scalar_text(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  throw UsageError("expected strings, numbers, true or false");
}

// TOML's strings in double quotes, numbers and lists are written as JSON's.
std::vector<std::string> parse_value(const std::string& text) {
  if (text.empty()) throw UsageError("there is no value behind '='");
  const nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
  if (value.is_discarded()) {
    if (text.find_first_of("\"[]{}'") != std::string::npos) {
      throw UsageError("cannot read the value " + text);
    }
    return {text};
  }
  if (!value.is_array()) return {scalar_text(value)};
  std::vector<std::string> values;
  for (const nlohmann::json& item : value) values.push_back(scalar_text(item));
  return values;
}

std::string section_name(const std::string& line) {
  if (!line.ends_with(']')) throw UsageError("expected ']' at the end of the section's name");
  std::string name = trimmed(line.substr(1, line.size() - 2));
  for (char& c : name) {
    if (c == '.') c = ' ';
  }
  return name;
}

}  // namespace

std::vector<ConfigEntry> read_config_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw InputError(path + ": the configuration file cannot be read");
  std::vector<ConfigEntry> entries;
  std::string section;
  size_t number = 0;
  for (std::string raw; std::getline(file, raw);) {
    ++number;
    try {
      const std::string line = trimmed(without_comment(raw));
      if (line.empty()) continue;
      if (line.front() == '[') {
        section = section_name(line);
        continue;
      }
      const size_t equals = line.find('=');
      if (equals == std::string::npos) throw UsageError("expected [section] or name = value");
      entries.push_back({section, trimmed(line.substr(0, equals)),
                         parse_value(trimmed(line.substr(equals + 1))), number});
    } catch (const UsageError& error) {
      throw UsageError(fmt::format("{}: line {}: {}", path, number, error.what()));
    }
  }
  if (file.bad()) throw InputError(path + ": the configuration file cannot be read");
  return entries;
}

std::string config_value(const std::string& value) {
  return nlohmann::json(value).dump();
}

}  // namespace terse
