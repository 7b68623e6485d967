// Reading memory and nothing else: how fast the machine is, to set beside what a decoder reaches.
#pragma once

#include <cstddef>
#include <cstdint>

namespace terse::kernels {

/// A way to read; which one is fastest depends on the machine and on where the bytes are.
struct ReadPattern {
  size_t streams = 1;  // equal parts that are read side by side: 1, 2, 4 or 8
  size_t ahead = 0;    // bytes by which lines are asked for before they are read; 0: not at all
};

/// Bytes that reads are rounded down to a multiple of, in each stream.
constexpr size_t kReadStep = 256;

/// Reads the `bytes` at `data` once. The result depends on all of them, so that no read can be left
/// out.
uint64_t read_in_order(const std::byte* data, size_t bytes, const ReadPattern& pattern);

/// Reads `n` rows of `row_bytes` (a multiple of kReadStep), each whole: row i is at data + rows[i]
/// * row_bytes. Lines are asked for `ahead` bytes before they are read, across the ends of rows.
uint64_t read_rows(const std::byte* data, size_t row_bytes, const uint32_t* rows, size_t n,
                   size_t ahead);

}  // namespace terse::kernels
