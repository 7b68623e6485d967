#include "app/help.h"

#include <sstream>

#include "app/flags.h"

namespace terse {
namespace {

constexpr size_t kWidth = 79;
constexpr size_t kColumn = 26;  // where descriptions start

/// A name at the left, its description at the right, on the next line if the name is long.
std::string entry(const std::string& name, const std::string& description) {
  std::string text = "  " + name;
  if (text.size() + 2 > kColumn) {
    text += "\n" + std::string(kColumn, ' ');
  } else {
    text.resize(kColumn, ' ');
  }
  return text + wrapped(description, kWidth, kColumn) + "\n";
}

}  // namespace

std::string wrapped(const std::string& text, size_t width, size_t indent) {
  std::istringstream words(text);
  std::string result;
  size_t column = indent;
  for (std::string word; words >> word;) {
    if (!result.empty() && column + 1 + word.size() > width) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!result.empty()) {
      result += ' ';
      ++column;
    }
    result += word;
    column += word.size();
  }
  return result;
}

std::string terminal_help(const CLI::App& command) {
  const std::string name = "terse " + command_path(command);
  const bool takes_files = command.get_option_no_throw("files") != nullptr;
  return HelpFormatter().make_usage(&command, "") +
         wrapped("There is nothing to read: stdin is a terminal. Give it a file or a pipe" +
                     std::string(takes_files ? ", or - to type the text" : "") + "; '" + name +
                     " --help' tells more.",
                 kWidth, 0) +
         "\n";
}

HelpFormatter::HelpFormatter() {
  label("Positionals", "Arguments");
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  if (is_positional) return entry(value_name(*option), make_option_desc(option));
  std::string name = make_option_name(option, false);
  // Flags without a short name line up with those that have one.
  if (option->get_snames().empty()) name = "    " + name;
  for (size_t at = name.find(','); at != std::string::npos; at = name.find(',', at + 2)) {
    name.insert(at + 1, " ");
  }
  return entry(name + make_option_opts(option), make_option_desc(option));
}

std::string HelpFormatter::make_option_opts(const CLI::Option* option) const {
  return is_switch(*option) ? "" : " " + value_name(*option);
}

std::string HelpFormatter::make_subcommands(const CLI::App* app, CLI::AppFormatMode) const {
  std::string text;
  for (const CLI::App* command : app->get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_group().empty()) continue;
    text += entry(command->get_name(), command->get_description());
  }
  return text.empty() ? "" : "\nCommands:\n" + text;
}

std::string HelpFormatter::make_description(const CLI::App* app) const {
  return wrapped(app->get_description() + ".", kWidth, 0) + "\n\n";
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name,
                                     CLI::AppFormatMode mode) const {
  std::string text = make_description(app) + make_usage(app, name);
  if (!app->get_options([](const CLI::Option* option) { return option->get_positional(); })
           .empty()) {
    text += make_positionals(app);
  }
  for (const std::string& group : flag_groups(*app)) {
    text += "\n" + group + ":\n";
    for (const CLI::Option* option : visible_flags(*app)) {
      if (option->get_group() == group) text += make_option(option, false);
    }
  }
  return text + make_subcommands(app, mode) + "\n" + make_footer(app);
}

std::string HelpFormatter::make_usage(const CLI::App* app, std::string) const {
  const std::string path = command_path(*app);
  std::string text = "Usage: terse" + (path.empty() ? "" : " " + path);
  if (!app->get_subcommands([](const CLI::App*) { return true; }).empty()) {
    return text + " COMMAND [OPTION]...\n";
  }
  text += " [OPTION]...";
  for (const CLI::Option* option : app->get_options()) {
    if (!option->get_positional()) continue;
    const bool many = option->get_expected_max() > 1;
    text += " [" + value_name(*option) + "]" + (many ? "..." : "");
  }
  return text + "\n";
}

}  // namespace terse
