// A batch of lines or documents through the workers, with progress, a count of failures and an exit
// code.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "app/pipeline.h"
#include "app/result_file.h"
#include "io/jsonl.h"

namespace terse {

/// Part i of n of the input's lines: those whose number leaves i - 1 when divided by n.
struct Shard {
  uint64_t part = 1;
  uint64_t parts = 1;

  bool has(uint64_t line) const { return line % parts == part % parts; }
};

/// "2/8". Throws UsageError.
Shard parse_shard(const std::string& text);

/// The next line of `reader` that is in the shard; false at the end. A line that is too long gives
/// a task with a problem. Throws InputError when the input cannot be read.
bool next_line(LineReader& reader, const Shard& shard, Task& task);

/// How much there is to read from a file descriptor, if it is a file.
std::optional<uint64_t> input_bytes(int fd);

struct BatchCounts {
  uint64_t done = 0;
  uint64_t failed = 0;
};

/// What the workers do; as in PipelineSteps.
struct BatchWork {
  std::function<void(size_t worker, const Task&, const Deliver&)> begin;
  std::function<void(size_t worker)> advance;
};

/// Runs the pipeline and writes the outcomes' lines to `results`. Throws Interrupted after a
/// signal, when all whole lines are written.
BatchCounts run_batch(const PipelineOptions& options, ResultFile& results,
                      std::optional<uint64_t> input_bytes, const std::function<bool(Task&)>& next,
                      const BatchWork& work);

/// Tells how many failed, if any. Returns the exit code.
int exit_code_of(const BatchCounts& counts);

}  // namespace terse
