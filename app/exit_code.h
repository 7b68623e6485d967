// The exit codes of the tool; README.md documents them.
#pragma once

namespace terse {

enum ExitCode : int {
  kOk = 0,
  kSomeRecordsFailed = 1,
  kUsage = 2,
  kModelUnusable = 3,
  kInputUnreadable = 4,
  kOutputFailed = 74,
};

}  // namespace terse
