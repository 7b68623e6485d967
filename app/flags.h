// What one definition of a flag tells beside its help: its names, and which values it takes.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace terse {

/// The group of the flags that all commands have.
inline constexpr const char* kCommonGroup = "General";

/// A whole number in decimal digits, from `low` to `high`. CLI11's own conversion would read "010"
/// as 8.
CLI::Validator whole_number(uint64_t low, uint64_t high);

/// A finite number from `low` to `high`. CLI::Range accepts NaN.
CLI::Validator number(double low, double high);

/// "max-tokens"; empty for an option that is only a position.
std::string flag_name(const CLI::Option& option);

/// "TERSE_MAX_TOKENS"
std::string environment_name(const std::string& flag_name);

/// Whether the environment and the configuration file can give it: every flag but those that print
/// something and end the program.
bool is_setting(const CLI::Option& option);

/// Whether it is a flag without a value.
bool is_switch(const CLI::Option& option);

/// The flags of a command, without hidden ones, in the order of their definition.
std::vector<const CLI::Option*> visible_flags(const CLI::App& command);

/// The groups of a command's flags, in the order of their definition; the flags that all commands
/// have come last.
std::vector<std::string> flag_groups(const CLI::App& command);

/// What its value is called: "N", "FILE".
std::string value_name(const CLI::Option& option);

/// The words that it takes, if it takes no others.
std::vector<std::string> flag_choices(const CLI::Option& option);

/// The commands that can be run, without hidden ones: "summarize", "model info".
std::vector<CLI::App*> leaf_commands(CLI::App& root);

/// "summarize", "model info"
std::string command_path(const CLI::App& command);

}  // namespace terse
