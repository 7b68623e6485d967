#include "app/man_page.h"

#include <fmt/core.h>

#include <sstream>

#include "app/flags.h"

namespace terse {
namespace {

/// Text as roff reads it.
std::string escaped(const std::string& text) {
  std::string result;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) result += "\\&";
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
    line_start = c == '\n';
  }
  return result;
}

std::string literal(const std::string& text) {
  return ".nf\n" + escaped(text) + "\n.fi\n";
}

/// "\fB-n\fR, \fB--max-tokens\fR \fIN\fR"
std::string flag_heading(const CLI::Option& option) {
  std::string text;
  for (const std::string& name : option.get_snames())
    text += "\\fB" + escaped("-" + name) + "\\fR, ";
  text += "\\fB" + escaped("--" + flag_name(option)) + "\\fR";
  if (!is_switch(option)) text += " \\fI" + escaped(value_name(option)) + "\\fR";
  return text;
}

std::string flag_entry(const CLI::Option& option) {
  std::string text = ".TP\n" + flag_heading(option) + "\n" + escaped(option.get_description());
  const std::vector<std::string> choices = flag_choices(option);
  if (!choices.empty()) text += escaped(fmt::format(" ({})", CLI::detail::join(choices, ", ")));
  return text + ".\n";
}

std::string flags_of_group(const CLI::App& command, const std::string& group) {
  std::string text = ".PP\n" + escaped(group) + ":\n";
  for (const CLI::Option* option : visible_flags(command)) {
    if (option->get_group() == group) text += flag_entry(*option);
  }
  return text;
}

std::string synopsis(const CLI::App& command) {
  std::string text = "\\fBterse " + escaped(command_path(command)) + "\\fR [\\fIOPTION\\fR]...";
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_positional()) continue;
    text += " [\\fI" + escaped(value_name(*option)) + "\\fR]";
    if (option->get_expected_max() > 1) text += "...";
  }
  return text + "\n.br\n";
}

std::string command_section(const CLI::App& command) {
  std::string text = ".SS " + escaped("terse " + command_path(command)) + "\n" +
                     escaped(command.get_description()) + ".\n";
  for (const std::string& group : flag_groups(command)) {
    if (group != kCommonGroup) text += flags_of_group(command, group);
  }
  if (!command.get_footer().empty()) text += ".PP\n" + literal(command.get_footer());
  return text;
}

constexpr const char* kSettings =
    "Each option \\fB\\-\\-some\\-name\\fR can also be given as the environment variable\n"
    "\\fBTERSE_SOME_NAME\\fR, or as a line \\fBsome\\-name = value\\fR of the file that\n"
    "\\fB\\-\\-config\\fR names: for all commands at its beginning, for one in its section\n"
    "\\fB[summarize]\\fR or \\fB[model.info]\\fR. Options without a value take true or false.\n"
    "What stands later in this list wins: built in, the model's generation_config.json, the\n"
    "configuration file, the environment, the command line.\n";

constexpr const char* kExitStatus =
    ".TP\n0\nAll well, also when the reader of the output went away.\n"
    ".TP\n1\nSome records failed; the output says which.\n"
    ".TP\n2\nWrong usage.\n"
    ".TP\n3\nThe model cannot be used.\n"
    ".TP\n4\nThe input cannot be read.\n"
    ".TP\n74\nThe output cannot be written.\n"
    ".TP\n130, 143\nEnded by SIGINT or SIGTERM, after whole lines; a second signal ends at once.\n";

}  // namespace

std::string man_page(CLI::App& root) {
  const std::vector<CLI::App*> commands = leaf_commands(root);
  std::string text =
      fmt::format(".TH TERSE 1 \"\" \"terse {}\" \"User Commands\"\n", TERSE_VERSION);
  text +=
      ".SH NAME\nterse \\- summarise and continue texts with sparse transformers\n.SH SYNOPSIS\n";
  for (const CLI::App* command : commands) text += synopsis(*command);
  text += ".SH DESCRIPTION\n" + escaped(root.get_description()) +
          ".\nResults go to standard output and nothing else does; messages, progress and "
          "statistics\ngo to standard error.\n.SH COMMANDS\n";
  for (const CLI::App* command : commands) text += command_section(*command);
  text += ".SH OPTIONS OF ALL COMMANDS\n" + flags_of_group(*commands.front(), kCommonGroup);
  text += std::string(".SH SETTINGS\n") + kSettings;
  text +=
      ".SH ENVIRONMENT\n.TP\n\\fBNO_COLOR\\fR\nIf it is set and not empty, messages have no "
      "colours.\n";
  text += std::string(".SH EXIT STATUS\n") + kExitStatus;
  return text;
}

}  // namespace terse
