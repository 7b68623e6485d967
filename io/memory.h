// The two homes that weights can have: a mapped file, or memory of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <utility>

#include "io/file.h"

namespace terse {

/// A read-only mapping of a whole file. Whoever shrinks the file under it causes a SIGBUS.
class MappedFile {
 public:
  MappedFile() = default;
  MappedFile(const FileDescriptor& file, uint64_t size, const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

/// Zeroed memory of its own, outside the heap: aligned to 64 bytes at least, and on huge pages
/// (where the system grants them) from 4 MiB on, because scattered rows are read from it.
class AnonymousMemory {
 public:
  AnonymousMemory() = default;
  /// Throws ModelError when the system refuses.
  explicit AnonymousMemory(size_t size);
  AnonymousMemory(AnonymousMemory&& other) noexcept;
  AnonymousMemory& operator=(AnonymousMemory&& other) noexcept;
  ~AnonymousMemory();

  std::span<std::byte> bytes() const { return bytes_; }
  /// From here on a write to it is a fault.
  void make_read_only();

 private:
  std::span<std::byte> mapping_;  // what the system gave
  std::span<std::byte> bytes_;    // the aligned part in use
};

/// Bytes of memory that can still be used without swapping, as the system estimates it; 0: unknown.
uint64_t available_memory();

}  // namespace terse
