// A reader with its own buffer: it knows offsets, bounds the length of lines and survives signals.
#include "io/jsonl.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/json.h"

namespace terse {
namespace {

constexpr size_t kReadBytes = size_t{64} << 10;
constexpr size_t kMaxRecordDepth = 64;

}  // namespace

LineReader::LineReader(int fd, std::string name, size_t max_line_bytes,
                       const std::atomic<bool>* stop)
    : fd_(fd), name_(std::move(name)), max_line_bytes_(max_line_bytes), stop_(stop) {}

bool LineReader::next(Line& line) {
  consume(0);
  size_t newline = find_newline();
  // Two bytes more than the limit: "\r\n".
  while (newline == std::string_view::npos && end_ - begin_ <= max_line_bytes_ + 1 && fill()) {
    newline = find_newline();
  }
  if (newline == std::string_view::npos && begin_ == end_) return false;
  const size_t found = newline == std::string_view::npos ? end_ : newline;
  std::string_view text(buffer_.data() + begin_, found - begin_);
  if (text.ends_with('\r')) text.remove_suffix(1);
  ++number_;
  if (text.size() > max_line_bytes_) return next_long_line();
  line = {text, number_, offset_};
  consume(found - begin_ + (newline == std::string_view::npos ? 0 : 1));
  return true;
}

size_t LineReader::find_newline() {
  const std::string_view present(buffer_.data(), end_);
  const size_t found = present.find('\n', scanned_);
  if (found == std::string_view::npos) scanned_ = end_;
  return found;
}

/// Reads more; false at the end of the input.
bool LineReader::fill() {
  if (at_end_) return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    scanned_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < kReadBytes) buffer_.resize(std::max(2 * buffer_.size(), kReadBytes));
  for (;;) {
    const ssize_t got = read(fd_, buffer_.data() + end_, buffer_.size() - end_);
    if (got > 0) {
      end_ += static_cast<size_t>(got);
      return true;
    }
    const bool stopped = got < 0 && errno == EINTR && stop_ != nullptr && stop_->load();
    if (got == 0 || stopped) {
      at_end_ = true;
      return false;
    }
    if (errno == EINTR) continue;
    at_end_ = true;
    throw InputError(name_ + ": cannot be read after byte " +
                     std::to_string(offset_ + end_ - begin_) + ": " + std::strerror(errno));
  }
}

/// Drops a line that is too long, keeping no more of it than one read.
bool LineReader::next_long_line() {
  const uint64_t start = offset_;
  size_t newline = find_newline();
  while (newline == std::string_view::npos) {
    consume(end_ - begin_);
    if (!fill()) break;
    newline = find_newline();
  }
  const uint64_t bytes =
      offset_ + (newline == std::string_view::npos ? end_ : newline) - begin_ - start;
  consume(newline == std::string_view::npos ? end_ - begin_ : newline + 1 - begin_);
  throw LineTooLong(name_ + ": line " + std::to_string(number_) + " has " + std::to_string(bytes) +
                    " bytes, expected at most " + std::to_string(max_line_bytes_));
}

void LineReader::consume(size_t bytes) {
  begin_ += bytes;
  offset_ += bytes;
  scanned_ = std::max(scanned_, begin_);
}

nlohmann::json parse_record(const Line& line, std::string_view name) {
  const auto fail = [&](const std::string& what) {
    throw InputError(std::string(name) + ": line " + std::to_string(line.number) + ": " + what);
  };
  try {
    nlohmann::json record = parse_json(
        line.text, {.max_depth = kMaxRecordDepth, .max_bytes = LineReader::kMaxLineBytes});
    if (!record.is_object())
      fail("holds a JSON " + std::string(record.type_name()) + ", expected an object");
    return record;
  } catch (const JsonError& error) {
    fail("is not JSON at byte " + std::to_string(error.byte) + ": " + error.what());
  }
  return {};
}

std::string to_json_line(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace terse
