#include "app/result_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace terse {
namespace {

FileDescriptor open_file(const std::string& path, int flags) {
  FileDescriptor file(::open(path.c_str(), flags | O_CREAT | O_CLOEXEC, 0666));
  if (file.get() < 0) throw OutputError(path + ": cannot be opened: " + std::strerror(errno));
  return file;
}

struct stat status_of(const FileDescriptor& file, const std::string& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    throw OutputError(path + ": cannot be examined: " + std::strerror(errno));
  }
  return status;
}

}  // namespace

ResultFile::ResultFile(const ResultOptions& options) {
  if (!options.output.empty() && !options.resume.empty()) {
    throw UsageError("--resume writes to its own file; there can be no --output beside it");
  }
  if (options.retry_errors && options.resume.empty()) {
    throw UsageError("--retry-errors needs --resume");
  }
  if (!options.resume.empty()) {
    open_begun(options.resume, options.retry_errors);
  } else if (!options.output.empty()) {
    open_new(options.output);
  } else {
    output_.emplace(STDOUT_FILENO, "stdout");
  }
}

void ResultFile::open_new(const std::string& path) {
  file_ = open_file(path, O_WRONLY);
  const struct stat status = status_of(file_, path);
  if (S_ISREG(status.st_mode) && status.st_size > 0) {
    throw UsageError(path + " exists; remove it, or continue it with --resume");
  }
  output_.emplace(file_.get(), path);
}

void ResultFile::open_begun(const std::string& path, bool retry_errors) {
  file_ = open_file(path, O_RDWR);
  if (!S_ISREG(status_of(file_, path).st_mode)) {
    throw UsageError(path + " is not a regular file; only those can be resumed");
  }
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
    throw UsageError(path + " is being written by another process");
  }
  const int fd = finished_.read(file_.get(), path, retry_errors);
  if (fd != file_.get()) file_ = FileDescriptor(fd);
  output_.emplace(file_.get(), path);
}

bool ResultFile::is_terminal() const {
  return file_.get() < 0 && ::isatty(STDOUT_FILENO) == 1;
}

void ResultFile::close() {
  if (file_.get() < 0) return;
  // Pipes and devices cannot be synchronised, and need not be.
  if (::fsync(file_.get()) != 0 && errno != EINVAL && errno != EROFS) {
    throw OutputError(std::string("the results cannot be written: ") + std::strerror(errno));
  }
}

}  // namespace terse
