// What a command is to main: something that the command line selected and that returns an exit
// code.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace terse {

/// Set by the subcommand that was given.
using Command = std::function<int()>;

void add_summarize_command(CLI::App& root, Command& selected);
void add_continue_command(CLI::App& root, Command& selected);
void add_score_command(CLI::App& root, Command& selected);
void add_bench_command(CLI::App& root, Command& selected);
void add_model_command(CLI::App& root, Command& selected);
void add_generate_command(CLI::App& root, Command& selected);

}  // namespace terse
