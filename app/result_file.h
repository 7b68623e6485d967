// Where results go: stdout, a new file, or a file that an earlier run has begun.
#pragma once

#include <string>

#include "app/finished_records.h"
#include "io/file.h"
#include "io/output.h"

namespace terse {

struct ResultOptions {
  std::string output;  // empty: stdout
  std::string resume;  // empty: from the start
  bool retry_errors = false;
};

class ResultFile {
 public:
  /// Opened before the model is, so that a mistake shows at once. Throws OutputError: the file
  /// cannot be opened; UsageError: --output names a file that has content, or --resume one that
  /// another process writes to.
  explicit ResultFile(const ResultOptions& options);

  Output& output() { return *output_; }
  FinishedRecords& finished() { return finished_; }

  /// Whether results go to a terminal.
  bool is_terminal() const;

  /// Makes sure that all is on disk. Throws OutputError.
  void close();

 private:
  void open_new(const std::string& path);
  void open_begun(const std::string& path, bool retry_errors);

  FileDescriptor file_;
  std::optional<Output> output_;
  FinishedRecords finished_;
};

}  // namespace terse
