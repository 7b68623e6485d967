// From the arguments to the command that they select.
#pragma once

#include "app/command.h"

namespace terse {

struct CommandLine {
  Command command;    // empty when there is nothing to run: help or version was printed
  int exit_code = 0;  // then
};

/// Throws UsageError for arguments that do not fit.
CommandLine parse_command_line(int argc, char** argv);

}  // namespace terse
