// Results to a file descriptor: whole lines, and failures that are never missed.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace terse {

/// The reader of a pipe went away: no failure, the program just ends.
class ClosedPipe : public Error {
 public:
  using Error::Error;
};

/// Writes to a file descriptor that somebody else owns. Nothing is buffered, so nothing is lost
/// when the program ends. The program must ignore SIGPIPE. Not to be shared between threads.
class Output {
 public:
  /// `name` stands in messages ("stdout", a path).
  Output(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}

  /// Writes all of `text`. Throws ClosedPipe when the reader is gone, OutputError for any other
  /// failure.
  void write(std::string_view text);

  /// Writes a line and its end in one call, so that lines of several programs do not mix.
  void write_line(std::string_view line);

 private:
  int fd_;
  std::string name_;
  std::string line_;  // reused
};

}  // namespace terse
