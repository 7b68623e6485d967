#include "app/batch.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>

#include "app/exit_code.h"
#include "app/progress.h"
#include "app/signals.h"
#include "core/error.h"

namespace terse {
Shard parse_shard(const std::string& text) {
  Shard shard;
  const char* end = text.data() + text.size();
  const auto part = std::from_chars(text.data(), end, shard.part);
  const bool slash = part.ec == std::errc() && part.ptr != end && *part.ptr == '/';
  const auto parts = std::from_chars(slash ? part.ptr + 1 : end, end, shard.parts);
  const bool whole = slash && parts.ec == std::errc() && parts.ptr == end;
  if (!whole || shard.part < 1 || shard.part > shard.parts || shard.parts > 1000000) {
    throw UsageError("--shard: expected I/N with I from 1 to N, found '" + text + "'");
  }
  return shard;
}

bool next_line(LineReader& reader, const Shard& shard, Task& task) {
  for (Line line;;) {
    task.problem.clear();
    try {
      if (!reader.next(line)) return false;
    } catch (const LineTooLong& error) {
      line.number = reader.line_number();
      line.text = "";
      task.problem = error.what();
    }
    if (!shard.has(line.number)) continue;
    task.text = line.text;
    task.line = line.number;
    task.end = line.offset + line.text.size() + 1;
    return true;
  }
}

std::optional<uint64_t> input_bytes(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return uint64_t(status.st_size);
}

BatchCounts run_batch(const PipelineOptions& options, ResultFile& results,
                      std::optional<uint64_t> input_bytes, const std::function<bool(Task&)>& next,
                      const BatchWork& work) {
  BatchCounts counts;
  Progress progress(input_bytes);
  const auto write = [&](const Task& task, const Outcome& outcome) {
    if (outcome.line) results.output().write_line(*outcome.line);
    if (counts.done == 0) progress.start_at(task.end - std::min(task.end, task.text.size() + 1));
    ++counts.done;
    counts.failed += outcome.failed;
    progress.record_done(outcome.failed, task.end);
  };
  run_pipeline(options, {next, work.begin, work.advance, write});
  if (signalled()) {
    spdlog::warn("interrupted after {} records", counts.done);
    throw_if_signalled();
  }
  return counts;
}

int exit_code_of(const BatchCounts& counts) {
  if (counts.failed == 0) return kOk;
  spdlog::error("{} of {} records failed", counts.failed, counts.done);
  return kSomeRecordsFailed;
}

}  // namespace terse
