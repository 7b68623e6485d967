// A line on stderr that tells how far a batch is. It appears only on a terminal that shows nothing
// else meanwhile.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace terse {

class Progress {
 public:
  /// `input_bytes`: how much there is to read, where that is known. Nothing is shown when stderr is
  /// no terminal, when stdout is one (results would run into it), or when --quiet was given.
  explicit Progress(std::optional<uint64_t> input_bytes);
  /// Wipes the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// The input has been passed over up to this byte: that was no work.
  void start_at(uint64_t byte) { first_byte_ = byte; }
  /// One more record is done; `byte` is where the input now stands. Draws a few times a second.
  void record_done(bool failed, uint64_t byte);

 private:
  using Clock = std::chrono::steady_clock;
  void draw(uint64_t byte);

  bool shown_;
  std::optional<uint64_t> input_bytes_;
  uint64_t first_byte_ = 0;
  uint64_t n_done_ = 0;
  uint64_t n_failed_ = 0;
  Clock::time_point start_ = Clock::now();
  Clock::time_point drawn_ = start_;
};

}  // namespace terse
