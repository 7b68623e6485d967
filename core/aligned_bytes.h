// Memory for arrays that kernels read in long runs.
#pragma once

#include <cstddef>
#include <memory>

namespace terse {

/// Uninitialised bytes, aligned to 64; from 4 MiB on to 2 MiB, on huge pages where the system
/// grants them. Movable.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  /// Throws std::bad_alloc.
  explicit AlignedBytes(size_t size);

  std::byte* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* data) const;
  };

  std::unique_ptr<std::byte, Free> data_;
  size_t size_ = 0;
};

}  // namespace terse
