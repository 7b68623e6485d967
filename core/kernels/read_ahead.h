// Memory that a thread asks for before it reads it: what computes more than it reads leaves the
// memory idle, and can fetch what the next step waits for.
#pragma once

#include <algorithm>
#include <cstddef>

namespace terse::kernels {

/// Asks for the line at p, to be in the second-level cache soon; p may point anywhere. The first
/// level has too few requests in flight to keep up with memory.
inline void prefetch_line(const void* p) {
  __builtin_prefetch(p, 0, 2);
  // GCC takes a function that only prefetches for one without any effect, and drops the calls of
  // it.
  asm volatile("");
}

/// Ranges of equal size, a stride apart. They are asked for one after the other, a few lines at a
/// time, to be in the second-level cache soon. A small value: each thread has its own.
class ReadAhead {
 public:
  ReadAhead() = default;
  ReadAhead(const std::byte* first, size_t bytes, size_t ranges = 1, size_t stride = 0)
      : first_(first), bytes_(bytes), ranges_(bytes == 0 ? 0 : ranges), stride_(stride) {}

  /// Those of the ranges that belong to parts begin .. end of `parts` equal ones.
  ReadAhead part(size_t begin, size_t end, size_t parts) const {
    const size_t from = ranges_ * begin / parts;
    return {first_ + from * stride_, bytes_, ranges_ * end / parts - from, stride_};
  }

  /// Lines that are left.
  size_t lines() const { return ranges_ * ((bytes_ + kLine - 1) / kLine) - at_ / kLine; }

  void ask(size_t lines) {
    for (; lines > 0 && ranges_ > 0; --lines) {
      prefetch_line(first_ + at_);
      at_ += kLine;
      if (at_ < bytes_) continue;
      at_ = 0;
      first_ += stride_;
      --ranges_;
    }
  }

 private:
  static constexpr size_t kLine = 64;

  const std::byte* first_ = nullptr;
  size_t bytes_ = 0;
  size_t ranges_ = 0;
  size_t stride_ = 0;
  size_t at_ = 0;
};

}  // namespace terse::kernels
