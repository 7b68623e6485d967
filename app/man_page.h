// The manual page, from the definitions of the commands and flags.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace terse {

/// terse(1) in roff.
std::string man_page(CLI::App& root);

}  // namespace terse
