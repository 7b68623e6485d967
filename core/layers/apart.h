// Buffers that threads read and write side by side, each its own range of rows.
#pragma once

#include <cstddef>

#include "core/threads.h"

namespace terse {

/// Bytes between the rows of two threads. Processors fetch ahead by the strides of a loop, and take
/// lines away that another thread writes: some 40 KB ahead on Zen 5.
constexpr size_t kApart = size_t{1} << 16;

/// Rows that the threads share, in ranges of any size, should lie at so many times the index of
/// their range's first row.
inline size_t spread(size_t rows, size_t row_bytes, const Threads& threads) {
  if (threads.size() == 1) return 1;
  const size_t each = (rows + threads.size() - 1) / threads.size() * row_bytes;
  return 1 + (kApart + each - 1) / each;
}

}  // namespace terse
