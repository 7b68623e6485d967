// The results that an earlier run left in a file: which records need not be done again.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>

namespace terse {

class FinishedRecords {
 public:
  /// Reads the results in an open file and leaves it ready to append to: a last line that was cut
  /// is removed. With `retry_errors` the failed ones are removed, too (the file is replaced as a
  /// whole), so that they count as not done. Returns the file descriptor to go on with, which is
  /// `fd` or takes its place. Throws OutputError: it cannot be read or written; UsageError: it
  /// holds something else than results.
  int read(int fd, const std::string& path, bool retry_errors);

  /// Whether the record has a result; each result counts once, so records may share an id.
  bool take(const nlohmann::ordered_json& id, uint64_t line);

  uint64_t count() const { return count_; }

 private:
  std::unordered_map<std::string, uint64_t> results_;  // record -> how many results
  uint64_t count_ = 0;
};

}  // namespace terse
