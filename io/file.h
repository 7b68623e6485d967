// Files as bytes: opened, measured, read and written whole. Every error names the path and says
// what to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

namespace terse {

/// An open file descriptor, closed at the end of its life. Move only.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  int get() const { return fd_; }

 private:
  int fd_;
};

/// Opens a regular file for reading. Throws ModelError: absent, unreadable, a directory, a pipe.
FileDescriptor open_regular_file(const std::filesystem::path& path);

/// The size in bytes of an open file.
uint64_t file_size(const FileDescriptor& file, const std::filesystem::path& path);

/// Fills `out` from byte `offset` of the file. Throws ModelError when the file ends earlier (it was
/// cut while being read) or cannot be read.
void read_exactly(const FileDescriptor& file, uint64_t offset, std::span<std::byte> out,
                  const std::filesystem::path& path);

/// A new file for writing. Throws OutputError, also when it exists.
FileDescriptor create_file(const std::filesystem::path& path);

/// Takes the disk space now, so that a full disk is noticed before the work and not after it.
void reserve_space(const FileDescriptor& file, uint64_t size, const std::filesystem::path& path);

/// Writes all of `bytes` at byte `offset`. Throws OutputError.
void write_exactly(const FileDescriptor& file, uint64_t offset, std::span<const std::byte> bytes,
                   const std::filesystem::path& path);

/// Waits until the file is on the disk. Throws OutputError.
void sync_file(const FileDescriptor& file, const std::filesystem::path& path);

/// A whole small file of a model directory. Throws ModelError when it is larger than `max_bytes`.
std::string read_file(const std::filesystem::path& path, uint64_t max_bytes);

}  // namespace terse
