#include "app/completions.h"

#include <fmt/core.h>

#include <algorithm>

#include "app/flags.h"

namespace terse {
namespace {

using CLI::detail::join;

bool names_file(const CLI::Option& option) {
  const std::string name = value_name(option);
  return name == "FILE" || name == "DIR";
}

std::vector<std::string> dashed_names(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

std::vector<CLI::App*> visible_commands(CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
}

std::string command_names(CLI::App& app) {
  std::string names;
  for (const CLI::App* command : visible_commands(app)) {
    names += (names.empty() ? "" : " ") + command->get_name();
  }
  return names;
}

std::string all_flag_names(const CLI::App& command) {
  std::string names;
  for (const CLI::Option* option : visible_flags(command)) {
    names += (names.empty() ? "" : " ") + join(dashed_names(*option), " ");
  }
  return names;
}

/// The text inside single quotes of a POSIX shell; fish wants a backslash instead of a new quote.
std::string quoted(const std::string& text, const char* quote = "'\\''") {
  std::string result;
  for (const char c : text) c == '\'' ? result += quote : result += c;
  return "'" + result + "'";
}

/// What can follow in bash, by the words "summarize" or "model info" before.
void add_bash_case(CLI::App& app, std::string& cases) {
  if (!visible_commands(app).empty()) {
    cases += fmt::format("    '{}') words='{} {}' ;;\n", command_path(app), command_names(app),
                         all_flag_names(app));
    for (CLI::App* command : visible_commands(app)) add_bash_case(*command, cases);
    return;
  }
  cases += fmt::format("    '{}') words='{}' ;;\n", command_path(app), all_flag_names(app));
}

std::string bash_values(CLI::App& root) {
  std::vector<std::string> lines;
  for (const CLI::App* command : leaf_commands(root)) {
    for (const CLI::Option* option : visible_flags(*command)) {
      if (is_switch(*option)) continue;
      const std::vector<std::string> choices = flag_choices(*option);
      const std::string values = names_file(*option) ? "compopt -o default"
                                 : choices.empty()   ? ":"
                                                     : "COMPREPLY=($(compgen -W '" +
                                                         join(choices, " ") + "' -- \"$current\"))";
      lines.push_back(
          fmt::format("    {}) {}; return ;;\n", join(dashed_names(*option), "|"), values));
    }
  }
  std::sort(lines.begin(), lines.end());
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  return join(lines, "");
}

/// How words after "terse" lead to a command.
std::string bash_paths(CLI::App& root) {
  std::string paths;
  for (const CLI::App* command : leaf_commands(root)) {
    for (const CLI::App* app = command; app->get_parent() != nullptr; app = app->get_parent()) {
      const std::string line =
          fmt::format("      '{} {}') path='{}' ;;\n", command_path(*app->get_parent()),
                      app->get_name(), command_path(*app));
      if (paths.find(line) == std::string::npos) paths += line;
    }
  }
  return paths;
}

/// "'(-n --max-tokens)'{-n,--max-tokens}'[Most tokens]:N:'"
std::string zsh_flag(const CLI::Option& option) {
  const std::vector<std::string> names = dashed_names(option);
  std::string description;
  for (const char c : option.get_description()) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') description += '\\';
    description += c;
  }
  std::string value;
  if (!is_switch(option)) {
    const std::vector<std::string> choices = flag_choices(option);
    value = ":" + value_name(option) + ":";
    if (!choices.empty()) value += "(" + join(choices, " ") + ")";
    if (names_file(option)) value += "_files";
  }
  const std::string rest = quoted("[" + description + "]" + value);
  const bool repeats = option.get_items_expected_max() > 1;
  if (names.size() == 1) return (repeats ? "'*'" : "") + names.front() + rest;
  return quoted("(" + join(names, " ") + ")") + "{" + join(names, ",") + "}" + rest;
}

void add_zsh_function(CLI::App& app, const std::string& name, std::string& functions) {
  std::string body = "  _arguments -s";
  for (const CLI::Option* option : visible_flags(app)) body += " \\\n    " + zsh_flag(*option);
  const std::vector<CLI::App*> commands = visible_commands(app);
  if (commands.empty()) {
    functions += name + "() {\n" + body + " \\\n    '*:file:_files'\n}\n\n";
    return;
  }
  std::string cases;
  std::string descriptions;
  for (CLI::App* command : commands) {
    add_zsh_function(*command, name + "_" + command->get_name(), functions);
    cases += fmt::format("      {0}) {1}_{0} ;;\n", command->get_name(), name);
    descriptions +=
        "      " + quoted(command->get_name() + ":" + command->get_description()) + "\n";
  }
  functions += fmt::format(
      "{}() {{\n  local curcontext=\"$curcontext\" state line\n{} -C \\\n    '1:command:->command' "
      "\\\n    '*::argument:->argument'\n  case $state in\n    command)\n      local -a "
      "commands=(\n"
      "{}      )\n      _describe command commands ;;\n    argument)\n      case $line[1] in\n{}"
      "      esac ;;\n  esac\n}}\n\n",
      name, body, descriptions, cases);
}

void add_fish_command(CLI::App& app, const std::string& condition, std::string& text) {
  for (const CLI::Option* option : visible_flags(app)) {
    std::string line = "complete -c terse -n " + quoted(condition, "\\'");
    for (const std::string& name : option->get_snames()) line += " -s " + name;
    for (const std::string& name : option->get_lnames()) line += " -l " + name;
    const std::vector<std::string> choices = flag_choices(*option);
    if (!is_switch(*option)) line += names_file(*option) ? " -r -F" : " -x";
    if (!choices.empty()) line += " -a " + quoted(join(choices, " "));
    text += line + " -d " + quoted(option->get_description(), "\\'") + "\n";
  }
}

}  // namespace

std::string bash_completion(CLI::App& root) {
  std::string cases;
  add_bash_case(root, cases);
  return "# Completion of terse for bash.\n"
         "_terse() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  local path='' words='' word\n"
         "  COMPREPLY=()\n"
         "  case $previous in\n" +
         bash_values(root) +
         "  esac\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case \"$path $word\" in\n" +
         bash_paths(root) +
         "    esac\n"
         "  done\n"
         "  case $path in\n" +
         cases +
         "  esac\n"
         "  if [[ $current != -* && ( $path == summarize || $path == continue || $path == model\\ "
         "* ) "
         "]]; then\n"
         "    compopt -o default\n"
         "    return\n"
         "  fi\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "}\n"
         "complete -F _terse terse\n";
}

std::string zsh_completion(CLI::App& root) {
  std::string functions;
  add_zsh_function(root, "_terse", functions);
  return "#compdef terse\n# Completion of terse for zsh.\n\n" + functions + "_terse \"$@\"\n";
}

std::string fish_completion(CLI::App& root) {
  std::string text = "# Completion of terse for fish.\n";
  const std::string top = "__fish_use_subcommand";
  add_fish_command(root, top, text);
  for (CLI::App* command : visible_commands(root)) {
    const std::string name = command->get_name();
    text += fmt::format("complete -c terse -n '{}' -f -a {} -d {}\n", top, name,
                        quoted(command->get_description(), "\\'"));
    const std::string here = "__fish_seen_subcommand_from " + name;
    const std::vector<CLI::App*> inner = visible_commands(*command);
    if (inner.empty()) add_fish_command(*command, here, text);
    for (CLI::App* app : inner) {
      text += fmt::format(
          "complete -c terse -n '{}; and not __fish_seen_subcommand_from {}' -f -a {} -d {}\n",
          here, command_names(*command), app->get_name(), quoted(app->get_description(), "\\'"));
      add_fish_command(*app, here + "; and __fish_seen_subcommand_from " + app->get_name(), text);
    }
  }
  return text;
}

}  // namespace terse
