#include "core/layers/chunked_attention.h"

#include <algorithm>
#include <cmath>

namespace terse {
namespace {

// Multiply-adds worth waking another thread for.
constexpr size_t kWorthSplitting = size_t{1} << 17;

// The chunk `offset` further on in the circle; as in Trax, itself when that is once around or more.
size_t neighbour(size_t chunk, ptrdiff_t offset, size_t n_chunks) {
  if (size_t(std::abs(offset)) >= n_chunks) return chunk;
  return size_t(ptrdiff_t(chunk + n_chunks) + offset) % n_chunks;
}

// The rows that a chunk sees, one neighbour after the other: [n_chunks, seen * chunk_len].
std::span<uint32_t> look_adjacent(std::span<const uint32_t> order, const ChunkShape& shape,
                                  Scratch& scratch) {
  const size_t n_chunks = order.size() / shape.chunk_len;
  const size_t n_seen = 1 + shape.before + shape.after;
  const std::span<uint32_t> looked = scratch.indices(order.size() * n_seen);
  uint32_t* to = looked.data();
  for (size_t chunk = 0; chunk < n_chunks; ++chunk) {
    for (size_t i = 0; i < n_seen; ++i, to += shape.chunk_len) {
      const size_t from = neighbour(chunk, ptrdiff_t(i) - ptrdiff_t(shape.before), n_chunks);
      std::copy_n(order.data() + from * shape.chunk_len, shape.chunk_len, to);
    }
  }
  return looked;
}

}  // namespace

void attend_in_chunks(const ChunkedHead& head, std::span<const uint32_t> order, size_t total,
                      const ChunkShape& shape, Threads& threads, Scratch& scratch, Matrix out,
                      float* log_sums) {
  const Scratch::Frame frame(scratch);
  const size_t n = head.q.rows;
  const size_t d_qk = head.q.cols;
  const size_t width = (1 + shape.before + shape.after) * shape.chunk_len;
  const float scale = 1.0f / std::sqrt(float(d_qk));
  const std::span<const uint32_t> looked = look_adjacent(order, shape, scratch);
  const size_t cost = width * (d_qk + head.d_v);
  threads.for_ranges(order.size(), kWorthSplitting / cost + 1, [&](size_t begin, size_t end) {
    for (size_t slot = begin; slot < end; ++slot) {
      const uint32_t row = order[slot];
      if (row >= n) continue;
      const kernels::RowMask mask{row, uint32_t(n), head.causal, head.exclude_self};
      const size_t to = slot / total * n + row;
      const float log_sum = kernels::attend_rows(head.q.row(row), head.keys, head.values,
                                                 looked.data() + slot / shape.chunk_len * width,
                                                 width, d_qk, head.d_v, scale, mask, out.row(to));
      if (log_sums != nullptr) log_sums[to] = log_sum;
    }
  });
}

}  // namespace terse
