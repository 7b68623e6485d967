// Reading and writing files whole: short reads, sizes that change and odd kinds of file are errors
// with names.
#include "io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace terse {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw ModelError(path.string() + ": " + what);
}

std::string errno_text() {
  return std::strerror(errno);
}

[[noreturn]] void fail_output(const std::filesystem::path& path, const std::string& what) {
  throw OutputError(path.string() + ": " + what + ": " + errno_text());
}

struct stat status_of(const FileDescriptor& file, const std::filesystem::path& path) {
  struct stat status {};
  if (fstat(file.get(), &status) != 0) fail(path, "cannot be examined: " + errno_text());
  return status;
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) close(fd_);
}

FileDescriptor open_regular_file(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a pipe without a writer must not wait before it can be refused.
  FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) fail(path, "cannot be opened: " + errno_text());
  const mode_t mode = status_of(file, path).st_mode;
  if (S_ISDIR(mode)) fail(path, "is a directory, expected a file");
  if (!S_ISREG(mode)) fail(path, "is not a regular file");
  return file;
}

uint64_t file_size(const FileDescriptor& file, const std::filesystem::path& path) {
  return static_cast<uint64_t>(status_of(file, path).st_size);
}

void read_exactly(const FileDescriptor& file, uint64_t offset, std::span<std::byte> out,
                  const std::filesystem::path& path) {
  constexpr size_t max_read = size_t{1} << 30;  // the system caps one read at just under 2 GiB
  size_t done = 0;
  while (done < out.size()) {
    const size_t want = std::min(out.size() - done, max_read);
    const ssize_t got =
        pread(file.get(), out.data() + done, want, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      fail(path, "cannot be read at byte " + std::to_string(offset + done) + ": " + errno_text());
    if (got == 0) {
      fail(path, "ends at byte " + std::to_string(offset + done) + ", expected " +
                     std::to_string(offset + out.size()) +
                     " bytes: the file was cut while it was being read");
    }
    done += static_cast<size_t>(got);
  }
}

std::string read_file(const std::filesystem::path& path, uint64_t max_bytes) {
  const FileDescriptor file = open_regular_file(path);
  const uint64_t size = file_size(file, path);
  if (size > max_bytes) {
    fail(path,
         "has " + std::to_string(size) + " bytes, expected at most " + std::to_string(max_bytes));
  }
  std::string content(size, '\0');
  read_exactly(file, 0, std::as_writable_bytes(std::span(content)), path);
  return content;
}

FileDescriptor create_file(const std::filesystem::path& path) {
  FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.get() < 0) fail_output(path, "cannot be made");
  return file;
}

void reserve_space(const FileDescriptor& file, uint64_t size, const std::filesystem::path& path) {
  const int error = posix_fallocate(file.get(), 0, static_cast<off_t>(std::max<uint64_t>(size, 1)));
  if (error == 0 || error == EOPNOTSUPP || error == EINVAL) return;  // not every file system can
  errno = error;
  fail_output(path, "has no room for its " + std::to_string(size) + " bytes");
}

void write_exactly(const FileDescriptor& file, uint64_t offset, std::span<const std::byte> bytes,
                   const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written =
        pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_output(path, "cannot be written at byte " + std::to_string(offset));
    bytes = bytes.subspan(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
}

void sync_file(const FileDescriptor& file, const std::filesystem::path& path) {
  if (fsync(file.get()) != 0) fail_output(path, "cannot be brought to the disk");
}

}  // namespace terse
