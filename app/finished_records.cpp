#include "app/finished_records.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "core/error.h"
#include "io/file.h"
#include "io/jsonl.h"
#include "io/output.h"

namespace terse {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw OutputError(path + ": " + what + ": " + std::strerror(errno));
}

/// What identifies a record: its id, or its line where it has none that can be read.
std::string key_of(const nlohmann::ordered_json& id, uint64_t line) {
  return id.is_null() ? "line " + std::to_string(line) : id.dump();
}

/// One line of an earlier run. Throws UsageError for anything else than a result, so that a file
/// that was named by mistake is not written to.
nlohmann::json parse_result(const Line& line, const std::string& path) {
  try {
    nlohmann::json result = parse_record(line, path);
    if (result.contains("id") && (result.contains("finish") || result.contains("nll"))) {
      return result;
    }
  } catch (const InputError&) {
    // Reported below: what it is matters less than that it is no result.
  }
  throw UsageError(path + ": line " + std::to_string(line.number) +
                   " is no result of terse; is it the right file for --resume?");
}

/// A file beside `path` that takes its place when it is complete.
class Replacement {
 public:
  explicit Replacement(const std::string& path)
      : path_(path),
        temporary_(path + ".tmp"),
        fd_(::open(temporary_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)),
        output_(fd_, temporary_) {
    if (fd_ < 0) fail(temporary_, "cannot be made");
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) fail(temporary_, "is in use");
  }

  ~Replacement() {
    if (!in_place_) ::unlink(temporary_.c_str());
  }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;

  void write_line(std::string_view line) { output_.write_line(line); }

  int put_in_place() {
    if (::fsync(fd_) != 0 || std::rename(temporary_.c_str(), path_.c_str()) != 0) {
      fail(path_, "cannot be replaced");
    }
    in_place_ = true;
    return fd_;
  }

 private:
  std::string path_;
  std::string temporary_;
  int fd_;
  Output output_;
  bool in_place_ = false;
};

}  // namespace

int FinishedRecords::read(int fd, const std::string& path, bool retry_errors) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) fail(path, "cannot be examined");
  std::optional<Replacement> replacement;
  if (retry_errors) replacement.emplace(path);
  LineReader reader(fd, path);
  uint64_t whole_bytes = 0;
  for (Line line; reader.next(line);) {
    const uint64_t end = line.offset + line.text.size() + 1;
    if (end > uint64_t(status.st_size)) break;  // no line end: the write was cut
    const nlohmann::json result = parse_result(line, path);
    whole_bytes = end;
    if (retry_errors && result.value("finish", nlohmann::json()) == "error") continue;
    if (replacement) replacement->write_line(line.text);
    ++results_[key_of(result["id"], result.value("line", uint64_t{0}))];
    ++count_;
  }
  if (replacement) return replacement->put_in_place();
  if (whole_bytes < uint64_t(status.st_size)) {
    spdlog::warn("{}: the last line was cut; its record is done again", path);
    if (::ftruncate(fd, off_t(whole_bytes)) != 0) fail(path, "cannot be cut to whole lines");
  }
  if (::lseek(fd, 0, SEEK_END) < 0) fail(path, "cannot be appended to");
  return fd;
}

bool FinishedRecords::take(const nlohmann::ordered_json& id, uint64_t line) {
  const auto found = results_.find(key_of(id, line));
  if (found == results_.end()) return false;
  if (--found->second == 0) results_.erase(found);
  return true;
}

}  // namespace terse
