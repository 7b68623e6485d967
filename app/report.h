// How the tool speaks of itself: messages on stderr, errors as exit codes.
#pragma once

#include <functional>
#include <string>

namespace terse {

/// Messages go to stderr; closed streams, closed pipes and lost pages of a mapped file become
/// errors to handle.
void set_up_process();

/// Colours in messages: "always", "never", or "auto": on a terminal that is not dumb, unless
/// NO_COLOR is set.
void set_color(const std::string& when);

/// Only errors are told from now on.
void set_quiet();
bool is_quiet();

/// Whether stderr is a terminal that can redraw a line.
bool stderr_is_terminal();

/// Runs the program's body. An exception becomes one line on stderr and its exit code; a reader
/// that went away ends the program quietly.
int run_reporting_errors(const std::function<int()>& body);

}  // namespace terse
