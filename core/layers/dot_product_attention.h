// Softmax attention over a cache, for all heads of n positions (Trax: DotProductAttention,
// DotProductCausalAttention).
#pragma once

#include <span>

#include "core/kernels/attention.h"
#include "core/layers/kv_cache.h"
#include "core/matrix.h"
#include "core/workspace.h"

namespace terse {

struct HeadShape {
  size_t heads;
  size_t d_qk;
  size_t d_v;
};

/// What a position sees: those up to itself; those before it (the first one sees itself); all.
enum class Mask { causal, earlier, none };

/// y[i, head] = sum_j softmax_j(<q[i, head], key_j> / sqrt(d_qk)) value_j
///
/// q: [n, heads * d_qk], the last n positions of the cache; with several caches, the last n /
/// caches.size() of each. y: [n, heads * d_v]. The same bits for any number of threads and caches.
void dot_product_attention(ConstMatrix q, std::span<const KvCache* const> caches,
                           const HeadShape& shape, Mask mask, Workspace& work, Matrix y);

/// The same for heads begin .. end of one position, the last of its cache; for one thread of those
/// that share the heads.
void attend_heads(const float* q, const KvCache& cache, const HeadShape& shape, Mask mask,
                  size_t begin, size_t end, float* y);

/// What the projections and the convolutions before the attention may ask for: its keys; its
/// values. Nothing where that is so much that it would leave the second-level caches again.
Upcoming upcoming_of(const KvCache& cache, const Threads& threads);

/// Heads of one position that are worth waking another thread for.
size_t heads_worth_sharing(const KvCache& cache, const HeadShape& shape);

inline void dot_product_attention(ConstMatrix q, const KvCache& cache, const HeadShape& shape,
                                  Mask mask, Workspace& work, Matrix y) {
  const KvCache* const one = &cache;
  dot_product_attention(q, {&one, 1}, shape, mask, work, y);
}

}  // namespace terse
