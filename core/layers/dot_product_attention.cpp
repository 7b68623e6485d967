#include "core/layers/dot_product_attention.h"

#include <algorithm>
#include <cmath>

namespace terse {
namespace {

// Keys and values worth waking another thread for.
constexpr size_t kWorthSplitting = size_t{1} << 16;

// Of a thread's keys and values, what stays in its second-level cache while it reads the weights of
// the loops in between.
constexpr size_t kKeptBytes = size_t{256} << 10;

// How many positions, from the first, the one at `position` sees.
size_t visible(Mask mask, size_t position, size_t length) {
  if (mask == Mask::none) return length;
  return mask == Mask::causal ? position + 1 : std::max<size_t>(position, 1);
}

float scale_of(const HeadShape& shape) {
  return 1.0f / std::sqrt(float(shape.d_qk));
}

size_t grain_for(size_t longest, const HeadShape& shape, size_t tile) {
  return kWorthSplitting / (longest * (shape.d_qk + shape.d_v) * tile) + 1;
}

}  // namespace

void dot_product_attention(ConstMatrix q, std::span<const KvCache* const> caches,
                           const HeadShape& shape, Mask mask, Workspace& work, Matrix y) {
  const size_t n_each = q.rows / caches.size();
  const size_t tile = std::min(kernels::kMostQueries, n_each);
  const size_t n_tiles = (n_each + tile - 1) / tile;

  // n rows of sequence i, from `begin` on.
  const auto attend_rows = [&](size_t i, size_t head, size_t begin, size_t n) {
    const KvCache& cache = *caches[i];
    const size_t position = cache.length() - n_each + begin;
    const size_t row = i * n_each + begin;
    kernels::attend_many(q.row(row) + head * shape.d_qk, q.stride, n, cache.keys(head),
                         cache.values(head), visible(mask, position, cache.length()),
                         mask == Mask::none ? 0 : 1, shape.d_qk, shape.d_v, scale_of(shape),
                         y.row(row) + head * shape.d_v, y.stride);
  };
  const auto attend_tile = [&](size_t i, size_t head, size_t begin) {
    const size_t n = std::min(tile, n_each - begin);
    // The first position of all and the next one both see the first: no growth between the two.
    const bool first = caches[i]->length() == n_each && begin == 0;
    const size_t alone = mask == Mask::earlier && first ? 1 : 0;
    if (alone > 0) attend_rows(i, head, begin, 1);
    if (n > alone) attend_rows(i, head, begin + alone, n - alone);
  };

  size_t longest = 0;
  for (const KvCache* cache : caches) longest = std::max(longest, cache->length());
  // Head by head, so that one head's keys and values stay in the cache over many positions.
  const size_t n_tasks = shape.heads * n_tiles;
  work.threads.for_ranges(
      caches.size() * n_tasks, grain_for(longest, shape, tile), [&](size_t begin, size_t end) {
        for (size_t task = begin; task < end; ++task) {
          attend_tile(task / n_tasks, task % n_tasks / n_tiles, task % n_tiles * tile);
        }
      });
}

void attend_heads(const float* q, const KvCache& cache, const HeadShape& shape, Mask mask,
                  size_t begin, size_t end, float* y) {
  const size_t length = visible(mask, cache.length() - 1, cache.length());
  for (size_t head = begin; head < end; ++head) {
    const std::byte* next_keys = head + 1 < end ? cache.keys(head + 1).data : nullptr;
    kernels::attend_many(q + head * shape.d_qk, 0, 1, cache.keys(head), cache.values(head), length,
                         0, shape.d_qk, shape.d_v, scale_of(shape), y + head * shape.d_v, 0,
                         next_keys);
  }
}

Upcoming upcoming_of(const KvCache& cache, const Threads& threads) {
  if (cache.bytes_used() > kKeptBytes * threads.size()) return {};
  return {cache.key_reads(), cache.scale_reads().then(cache.value_reads())};
}

size_t heads_worth_sharing(const KvCache& cache, const HeadShape& shape) {
  return grain_for(cache.length(), shape, 1);
}

}  // namespace terse
