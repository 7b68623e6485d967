// Attention between neighbouring chunks of a sequence in a given order (Trax: attend,
// look_adjacent).
#pragma once

#include <span>

#include "core/kernels/attend_rows.h"
#include "core/matrix.h"
#include "core/scratch.h"
#include "core/threads.h"

namespace terse {

struct ChunkShape {
  size_t chunk_len;
  size_t before;  // neighbouring chunks that a chunk sees besides itself
  size_t after;
};

/// One head's queries, keys and values, and what a query may see.
struct ChunkedHead {
  ConstMatrix q;  // [n, d_qk]
  kernels::HeadRows keys;
  kernels::HeadRows values;
  size_t d_v;
  bool causal;
  bool exclude_self;
};

/// For each query of each round: out[round * n + i] = attention over the rows in the chunks that
/// its own chunk sees, with scores <q, key> / sqrt(d_qk).
///
/// order: rounds of `total` >= n rows each, one behind the other, each a permutation of 0 .. total
/// - 1; rows from n on are padding, which nobody sees. Its chunks must come out even. Chunks see
/// across the ends of rounds, and cyclically. out: [rounds * n, d_v]. log_sums: the logarithms of
/// the denominators, [rounds * n], or null.
void attend_in_chunks(const ChunkedHead& head, std::span<const uint32_t> order, size_t total,
                      const ChunkShape& shape, Threads& threads, Scratch& scratch, Matrix out,
                      float* log_sums);

}  // namespace terse
