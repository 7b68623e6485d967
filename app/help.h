// Help that fits 80 columns, from the definitions of the flags.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace terse {

/// Breaks text at spaces; every line after the first starts with `indent` spaces.
std::string wrapped(const std::string& text, size_t width, size_t indent);

/// What is told where a command would wait for somebody to type its input.
std::string terminal_help(const CLI::App& command);

/// CLI11's formatter with descriptions that wrap.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter();
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_description(const CLI::App* app) const override;
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
  std::string make_subcommands(const CLI::App* app, CLI::AppFormatMode mode) const override;
  std::string make_usage(const CLI::App* app, std::string name) const override;
};

}  // namespace terse
