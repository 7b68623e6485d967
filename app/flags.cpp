#include "app/flags.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

namespace terse {
namespace {

/// The whole text as a number; false if it is anything else.
template <class T>
bool parse_whole_text(const std::string& text, T& value) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end;
}

void collect_leaves(CLI::App& app, std::vector<CLI::App*>& leaves) {
  const auto children = app.get_subcommands([](const CLI::App*) { return true; });
  if (children.empty()) leaves.push_back(&app);
  for (CLI::App* child : children) {
    if (!child->get_group().empty()) collect_leaves(*child, leaves);
  }
}

}  // namespace

CLI::Validator whole_number(uint64_t low, uint64_t high) {
  return CLI::Validator(
      [low, high](std::string& text) {
        uint64_t value = 0;
        if (!parse_whole_text(text, value) || value < low || value > high) {
          return fmt::format("expected a whole number from {} to {}, found '{}'", low, high, text);
        }
        text = std::to_string(value);
        return std::string();
      },
      "");
}

CLI::Validator number(double low, double high) {
  return CLI::Validator(
      [low, high](std::string& text) {
        double value = 0;
        const bool valid = parse_whole_text(text, value) && std::isfinite(value);
        if (!valid || value < low || value > high) {
          return fmt::format("expected a number from {} to {}, found '{}'", low, high, text);
        }
        return std::string();
      },
      "");
}

std::string flag_name(const CLI::Option& option) {
  return option.get_lnames().empty() ? "" : option.get_lnames().front();
}

std::string environment_name(const std::string& flag_name) {
  std::string name = "TERSE_";
  for (const char c : flag_name) name += c == '-' ? '_' : char(std::toupper(c));
  return name;
}

bool is_setting(const CLI::Option& option) {
  static const std::vector<std::string> actions{"", "help", "version", "dump-config"};
  return std::find(actions.begin(), actions.end(), flag_name(option)) == actions.end();
}

bool is_switch(const CLI::Option& option) {
  return option.get_items_expected_max() == 0;
}

std::vector<const CLI::Option*> visible_flags(const CLI::App& command) {
  return command.get_options([](const CLI::Option* option) {
    return option->nonpositional() && !option->get_group().empty();
  });
}

std::vector<std::string> flag_groups(const CLI::App& command) {
  std::vector<std::string> groups;
  for (const CLI::Option* option : visible_flags(command)) {
    const std::string& group = option->get_group();
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  }
  std::stable_partition(groups.begin(), groups.end(),
                        [](const std::string& group) { return group != kCommonGroup; });
  return groups;
}

std::string value_name(const CLI::Option& option) {
  // CLI11 appends what its validators say.
  const std::string name = option.get_type_name();
  return name.substr(0, name.find(':'));
}

std::vector<std::string> flag_choices(const CLI::Option& option) {
  // CLI::IsMember tells them as ":{a,b}" behind the name of the value.
  const std::string name = option.get_type_name();
  const size_t begin = name.find(":{");
  if (begin == std::string::npos || !name.ends_with('}')) return {};
  return CLI::detail::split(name.substr(begin + 2, name.size() - begin - 3), ',');
}

std::vector<CLI::App*> leaf_commands(CLI::App& root) {
  std::vector<CLI::App*> leaves;
  collect_leaves(root, leaves);
  return leaves;
}

std::string command_path(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  if (parent == nullptr) return "";
  const std::string before = command_path(*parent);
  return before.empty() ? command.get_name() : before + " " + command.get_name();
}

}  // namespace terse
