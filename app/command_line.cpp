#include "app/command_line.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>

#include "app/common_options.h"
#include "app/exit_code.h"
#include "app/flags.h"
#include "app/help.h"
#include "app/settings.h"
#include "app/version.h"
#include "core/error.h"
#include "io/output.h"

namespace terse {
namespace {

using Arguments = std::vector<std::string>;

/// A flag that is given twice counts as given the last time, as in other tools.
void let_last_one_win(CLI::App& command) {
  for (CLI::Option* option : command.get_options([](const CLI::Option*) { return true; })) {
    if (option->get_items_expected_max() == 1) option->take_last();
  }
}

/// The definitions of all commands and flags, with the places where their values go.
struct Definitions {
  CLI::App root;
  Command selected;
  CommonOptions common;

  Definitions() {
    root.name("terse");
    root.description(
        "Decode with the sparse transformers of \"Sparse is Enough in Scaling Transformers\"");
    root.require_subcommand(1);
    root.formatter(std::make_shared<HelpFormatter>());
    root.set_version_flag("--version", version_text(), "Print the version and exit");
    root.set_help_flag("-h,--help", "Print this help and exit");
    root.footer(
        "Examples:\n"
        "  terse summarize paper.txt\n"
        "  man ls | col -b | terse summarize\n"
        "  terse summarize --jsonl < in.jsonl > out.jsonl\n"
        "  terse model info\n"
        "'terse COMMAND --help' tells more. Exit codes: 0 all well, 1 some records\n"
        "failed, 2 wrong usage, 3 the model cannot be used, 4 the input cannot be\n"
        "read, 74 the output cannot be written, 130 and 143 ended by a signal.");
    add_summarize_command(root, selected);
    add_continue_command(root, selected);
    add_score_command(root, selected);
    add_bench_command(root, selected);
    add_model_command(root, selected);
    add_generate_command(root, selected);
    for (CLI::App* command : leaf_commands(root)) {
      add_common_options(*command, common);
      let_last_one_win(*command);
    }
  }

  /// The command that was given; the root if there was none.
  CLI::App* given() {
    CLI::App* app = &root;
    while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
    return app;
  }

  /// False if all there was to do is done: help or the version has been printed.
  bool parse(Arguments arguments) {
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    try {
      root.parse(arguments);
    } catch (const CLI::CallForVersion&) {
      Output(STDOUT_FILENO, "stdout").write(version_text() + "\n");
      return false;
    } catch (const CLI::Success&) {
      Output(STDOUT_FILENO, "stdout").write(given()->help());
      return false;
    }
    return true;
  }
};

/// 'terse help model info' is 'terse model info --help'.
Arguments with_help_as_flag(Arguments arguments) {
  if (arguments.empty() || arguments.front() != "help") return arguments;
  arguments.erase(arguments.begin());
  arguments.push_back("--help");
  return arguments;
}

/// " 'foo': there are ..." for a command that is none, where CLI11 says only that one is needed.
std::string command_error(const CLI::App& group, const Arguments& arguments) {
  std::string names;
  for (const CLI::App* command : group.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_group().empty()) continue;
    names += (names.empty() ? "" : ", ") + command->get_name();
  }
  const bool is_root = group.get_parent() == nullptr;
  const auto word =
      std::find_if(arguments.begin() + (is_root ? 0 : 1), arguments.end(),
                   [](const std::string& argument) { return !argument.starts_with('-'); });
  const std::string found =
      word == arguments.end()
          ? "a command is missing"
          : "there is no command '" + (is_root ? "" : group.get_name() + " ") + *word + "'";
  return found + "; there are " + names;
}

[[noreturn]] void refuse(const CLI::ParseError& error, Definitions& definitions,
                         const Arguments& arguments, const std::string& more = "") {
  const CLI::App& command = *definitions.given();
  const bool needs_command = command.get_require_subcommand_min() > 0;
  const std::string what =
      needs_command ? command_error(command, arguments) : std::string(error.what()) + more;
  const std::string path = command_path(command);
  throw UsageError(what + "; see 'terse " + path + (path.empty() ? "" : " ") + "--help'");
}

/// Settings from elsewhere, put behind the command's name: what is typed comes after them. Nothing
/// if help or the version has been printed.
std::optional<Settings> layer(const Arguments& arguments) {
  Definitions probe;
  try {
    if (!probe.parse(arguments)) return std::nullopt;
  } catch (const CLI::RequiredError& error) {
    // A flag that is missing may come from elsewhere, a command may not.
    if (probe.given()->get_require_subcommand_min() > 0) refuse(error, probe, arguments);
  } catch (const CLI::ParseError& error) {
    refuse(error, probe, arguments);
  }
  const CLI::App* command = probe.given();
  Settings settings = settings_from_elsewhere(probe.root, *command);
  size_t depth = 0;
  for (const CLI::App* app = command; app->get_parent() != nullptr; app = app->get_parent())
    ++depth;
  depth = std::min(depth, arguments.size());
  settings.arguments.insert(settings.arguments.begin(), arguments.begin(),
                            arguments.begin() + ptrdiff_t(depth));
  settings.arguments.insert(settings.arguments.end(), arguments.begin() + ptrdiff_t(depth),
                            arguments.end());
  return settings;
}

/// " (from TERSE_THREADS)" when the error speaks of a flag that was not typed.
std::string origin_of(const CLI::ParseError& error, const Settings& settings) {
  const std::string message = error.what();
  for (const auto& [name, origin] : settings.origins) {
    if (message.starts_with("--" + name + ":")) return " (from " + origin + ")";
  }
  return "";
}

}  // namespace

CommandLine parse_command_line(int argc, char** argv) {
  const CommandLine nothing_left{nullptr, kOk};
  const Arguments arguments = with_help_as_flag(Arguments(argv + 1, argv + argc));
  const std::optional<Settings> settings = layer(arguments);
  if (!settings) return nothing_left;
  const auto definitions = std::make_shared<Definitions>();
  try {
    definitions->parse(settings->arguments);
  } catch (const CLI::ParseError& error) {
    refuse(error, *definitions, arguments, origin_of(error, *settings));
  }
  apply(definitions->common);
  if (definitions->common.dump_config) {
    Output(STDOUT_FILENO, "stdout").write(settings_as_config(*definitions->given()));
    return nothing_left;
  }
  // The definitions own what the command refers to.
  return {[definitions] { return definitions->selected(); }, kOk};
}

}  // namespace terse
