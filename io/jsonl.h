// JSON lines: one record a line, each with its number and its place in the input.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace terse {

/// One line without its end. The text is valid until the next call of LineReader::next.
struct Line {
  std::string_view text;
  uint64_t number = 0;  // from 1
  uint64_t offset = 0;  // of its first byte in the input
};

/// One line is longer than the limit. Those behind it can still be read.
class LineTooLong : public InputError {
 public:
  using InputError::InputError;
};

/// Lines from a file descriptor that somebody else owns, of any length up to a limit. "\n" and
/// "\r\n" both end a line; the last line may lack its end. Not to be shared between threads.
class LineReader {
 public:
  static constexpr size_t kMaxLineBytes = size_t{256} << 20;

  /// `name` stands in messages ("stdin", a path). When a signal interrupts a read and `*stop` is
  /// true, the input counts as ended.
  LineReader(int fd, std::string name, size_t max_line_bytes = kMaxLineBytes,
             const std::atomic<bool>* stop = nullptr);

  /// Reads the next line; false at the end. Throws InputError: the input cannot be read;
  /// LineTooLong: the next call goes on with the line that follows.
  bool next(Line& line);

  const std::string& name() const { return name_; }
  /// Of the last line, from 1; 0 before the first.
  uint64_t line_number() const { return number_; }

 private:
  size_t find_newline();
  bool fill();
  bool next_long_line();
  void consume(size_t bytes);

  int fd_;
  std::string name_;
  size_t max_line_bytes_;
  const std::atomic<bool>* stop_;
  std::vector<char> buffer_;
  size_t begin_ = 0;    // of what is not consumed
  size_t end_ = 0;      // of what was read
  size_t scanned_ = 0;  // no newline between begin_ and here
  uint64_t offset_ = 0;
  uint64_t number_ = 0;
  bool at_end_ = false;
};

/// Parses a line that must hold one JSON object.
/// Throws InputError naming the input, the line and the byte within the line.
nlohmann::json parse_record(const Line& line, std::string_view name);

/// A value as one line of text, without its end. Bytes that are not UTF-8 become U+FFFD.
std::string to_json_line(const nlohmann::ordered_json& value);

}  // namespace terse
