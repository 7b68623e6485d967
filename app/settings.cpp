#include "app/settings.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "app/config_file.h"
#include "app/flags.h"
#include "core/error.h"

namespace terse {
namespace {

const CLI::Option* find_setting(const CLI::App& command, const std::string& name) {
  for (const CLI::Option* option : command.get_options()) {
    if (is_setting(*option) && flag_name(*option) == name) return option;
  }
  return nullptr;
}

std::optional<std::string> environment_value(const std::string& name) {
  const char* value = std::getenv(environment_name(name).c_str());
  // An empty variable counts as absent, as everywhere.
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

bool truth(const std::string& value) {
  if (value == "1" || value == "true" || value == "yes" || value == "on") return true;
  if (value == "0" || value == "false" || value == "no" || value == "off") return false;
  throw UsageError("expected true or false, found '" + value + "'");
}

class Layers {
 public:
  Layers(CLI::App& root, const CLI::App& command) : root_(root), command_(command) {}

  Settings collect() {
    for (const CLI::Option* option : command_.get_options()) {
      if (!is_setting(*option)) continue;
      if (const auto value = environment_value(flag_name(*option))) {
        add(*option, {*value}, environment_name(flag_name(*option)));
      }
    }
    if (const std::string path = config_path(); !path.empty()) add_config_file(path);
    return settings_;
  }

 private:
  std::string config_path() const {
    const CLI::Option* option = find_setting(command_, "config");
    if (option == nullptr) return "";
    if (option->count() > 0) return option->results().back();
    return environment_value("config").value_or("");
  }

  void add_config_file(const std::string& path) {
    const std::vector<ConfigEntry> entries = read_config_file(path);
    for (const ConfigEntry& entry : entries) check(entry, path);
    // A command's own section stands above what holds for all, the last line above those before.
    for (const bool own : {true, false}) {
      for (size_t i = entries.size(); i-- > 0;) {
        const ConfigEntry& entry = entries[i];
        if (entry.command.empty() == own) continue;
        if (own && entry.command != command_path(command_)) continue;
        const CLI::Option* option = find_setting(command_, entry.name);
        if (option == nullptr) continue;  // a flag of other commands
        add(*option, entry.values, fmt::format("{}, line {}", path, entry.line));
      }
    }
  }

  void check(const ConfigEntry& entry, const std::string& path) const {
    bool section = entry.command.empty();
    for (const CLI::App* command : leaf_commands(root_)) {
      const bool meant = entry.command.empty() || entry.command == command_path(*command);
      section = section || meant;
      if (meant && entry.name != "config" && find_setting(*command, entry.name)) return;
    }
    const std::string what = section ? fmt::format("there is no setting '{}'", entry.name)
                                     : fmt::format("there is no command '{}'", entry.command);
    throw UsageError(fmt::format("{}: line {}: {}", path, entry.line, what));
  }

  void add(const CLI::Option& option, const std::vector<std::string>& values,
           const std::string& origin) {
    const std::string name = flag_name(option);
    if (option.count() > 0 || settings_.origins.contains(name)) return;
    settings_.origins[name] = origin;
    try {
      for (const std::string& value : values) add_argument(option, name, value);
    } catch (const UsageError& error) {
      throw UsageError(fmt::format("--{}: {} (from {})", name, error.what(), origin));
    }
  }

  void add_argument(const CLI::Option& option, const std::string& name, const std::string& value) {
    if (is_switch(option)) {
      if (truth(value)) settings_.arguments.push_back("--" + name);
      return;
    }
    if (value.empty()) throw UsageError("the value is empty");
    settings_.arguments.push_back("--" + name + "=" + value);
  }

  CLI::App& root_;
  const CLI::App& command_;
  Settings settings_;
};

std::string dumped_values(const CLI::Option& option) {
  if (is_switch(option)) return "true";
  const std::vector<std::string> values = option.reduced_results();
  if (values.size() == 1) return config_value(values.front());
  std::string list;
  for (const std::string& value : values) list += (list.empty() ? "" : ", ") + config_value(value);
  return "[" + list + "]";
}

}  // namespace

Settings settings_from_elsewhere(CLI::App& root, const CLI::App& command) {
  return Layers(root, command).collect();
}

std::string settings_as_config(const CLI::App& command) {
  std::string text = fmt::format("[{}]\n", command_path(command));
  std::replace(text.begin(), text.end(), ' ', '.');
  for (const CLI::Option* option : visible_flags(command)) {
    const std::string name = flag_name(*option);
    if (!is_setting(*option) || name == "config") continue;
    if (option->count() > 0) {
      text += fmt::format("{} = {}\n", name, dumped_values(*option));
    } else {
      text += fmt::format("# {}: {}\n", name, option->get_description());
    }
  }
  return text;
}

}  // namespace terse
