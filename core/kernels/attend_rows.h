// Softmax attention of one query over chosen rows of one head's keys and values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/kernels/cache_rows.h"

namespace terse::kernels {

/// Rows of one head: row i starts i * stride elements after the first.
struct HeadRows {
  CacheRows data;
  size_t stride = 0;
};

/// Which of the rows a query sees. Its own row is at `query`.
struct RowMask {
  uint32_t query = 0;
  uint32_t end = 0;           // rows from here on are padding
  bool causal = false;        // rows after its own are not seen
  bool exclude_self = false;  // its own row scores 1e5 less: it counts when nothing else is seen
};

/// out = sum_j softmax_j(scale * <q, keys[rows[j]]>) values[rows[j]]    over the rows that are seen
///
/// q: [d_qk]. rows: [n_rows], in any order, repetitions count. out: [d_v]; zero when no row is
/// seen. Returns the logarithm of the softmax's denominator, -infinity when no row is seen. Works
/// block by block with a running maximum, in a fixed number of floats on the stack.
///
/// The softmax is exp(score - log_sum), as Trax has it. Near the 1e5 of exclude_self a float has
/// steps of 1/128, so a position that sees itself alone, but several times, gets up to 0.4 % more
/// or less than its value.
float attend_rows(const float* q, const HeadRows& keys, const HeadRows& values,
                  const uint32_t* rows, size_t n_rows, size_t d_qk, size_t d_v, float scale,
                  const RowMask& mask, float* out);

}  // namespace terse::kernels
