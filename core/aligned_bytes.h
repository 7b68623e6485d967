// Memory for arrays that kernels read in long runs.
#pragma once

#include <cstddef>
#include <utility>

namespace terse {

/// Uninitialised bytes, aligned to 64, on huge pages where the system grants them: with small ones,
/// a token's reads would wait for page tables. Movable; what is freed is kept for the next ones of
/// the process if it is small. Thread-safe.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  /// Throws std::bad_alloc.
  explicit AlignedBytes(size_t size);
  ~AlignedBytes();
  AlignedBytes(AlignedBytes&& other) noexcept { *this = std::move(other); }
  AlignedBytes& operator=(AlignedBytes&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace terse
