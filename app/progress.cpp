#include "app/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "app/report.h"

namespace terse {
namespace {

constexpr std::chrono::milliseconds kInterval{200};
constexpr const char* kWipe = "\r\033[K";

// What is shown is a courtesy: a failure to write it is no failure.
void show(const std::string& text) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

std::string clock_text(double seconds) {
  const auto s = uint64_t(std::min(seconds, 1e9));
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

}  // namespace

Progress::Progress(std::optional<uint64_t> input_bytes)
    : shown_(stderr_is_terminal() && ::isatty(STDOUT_FILENO) != 1 && !is_quiet()),
      input_bytes_(input_bytes) {}

Progress::~Progress() {
  if (shown_) show(kWipe);
}

void Progress::record_done(bool failed, uint64_t byte) {
  ++n_done_;
  n_failed_ += failed;
  if (!shown_ || Clock::now() - drawn_ < kInterval) return;
  draw(byte);
}

void Progress::draw(uint64_t byte) {
  drawn_ = Clock::now();
  const double elapsed = std::chrono::duration<double>(drawn_ - start_).count();
  std::string text = fmt::format("{} records, {:.1f}/s", n_done_, double(n_done_) / elapsed);
  if (n_failed_ > 0) text += fmt::format(", {} failed", n_failed_);
  if (input_bytes_ && byte > first_byte_ && byte <= *input_bytes_) {
    const double share = double(byte) / double(*input_bytes_);
    const double left = elapsed / double(byte - first_byte_) * double(*input_bytes_ - byte);
    text += fmt::format(", {:.0f} %, {} left", 100 * share, clock_text(left));
  }
  show(kWipe + text.substr(0, 79));
}

}  // namespace terse
