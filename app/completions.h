// Completions for shells, from the definitions of the commands and flags.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace terse {

std::string bash_completion(CLI::App& root);
std::string zsh_completion(CLI::App& root);
std::string fish_completion(CLI::App& root);

}  // namespace terse
