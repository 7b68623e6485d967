// What decoding cost: counts and times, of one text or summed up over many.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace terse {

struct DecodingStats {
  uint64_t texts = 0;
  uint64_t tokens_in = 0;
  uint64_t tokens_out = 0;
  uint64_t dropped_tokens = 0;
  double first_token_s = 0;  // up to the first token: reading the source and the prompt
  double decode_s = 0;       // from there to the end

  DecodingStats& operator+=(const DecodingStats& other);
};

/// A clock that is started when it is made.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

struct RunStats {
  DecodingStats decoding;
  uint64_t weight_bytes = 0;
  uint64_t bytes_per_token = 0;  // of the weights
  double load_s = 0;
  double wall_s = 0;  // of decoding all texts
};

/// The most memory that the process has had so far.
uint64_t peak_memory_bytes();

/// One object; README.md names its fields. Rates are those of one text; "tokens_per_s" is that of
/// all texts together.
nlohmann::ordered_json stats_json(const RunStats& stats);

/// The same for people: one line a field.
std::string stats_text(const RunStats& stats);

}  // namespace terse
