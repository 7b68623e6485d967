#include "core/layers/dot_product_attention.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/attention.h"

namespace terse {
namespace {

// Keys and values worth waking another thread for.
constexpr size_t kWorthSplitting = size_t{1} << 16;

// How many positions, from the first, the one at `position` sees.
size_t visible(Mask mask, size_t position, size_t length) {
  if (mask == Mask::none) return length;
  return mask == Mask::causal ? position + 1 : std::max<size_t>(position, 1);
}

}  // namespace

void dot_product_attention(ConstMatrix q, const KvCache& cache, const HeadShape& shape, Mask mask,
                           Threads& threads, Matrix y) {
  const float scale = 1.0f / std::sqrt(float(shape.d_qk));
  const size_t tile = std::min(kernels::kMostQueries, q.rows);
  const size_t n_tiles = (q.rows + tile - 1) / tile;
  const size_t cost = cache.length() * (shape.d_qk + shape.d_v) * tile;
  const size_t past = cache.length() - q.rows;
  const auto attend_rows = [&](size_t head, size_t begin, size_t n) {
    kernels::attend_many(q.row(begin) + head * shape.d_qk, q.stride, n, cache.keys(head),
                         cache.values(head), visible(mask, past + begin, cache.length()),
                         mask == Mask::none ? 0 : 1, shape.d_qk, shape.d_v, scale,
                         y.row(begin) + head * shape.d_v, y.stride);
  };
  const auto attend_tile = [&](size_t head, size_t begin) {
    const size_t n = std::min(tile, q.rows - begin);
    // The first position of all and the next one both see the first: no growth between the two.
    const size_t alone = mask == Mask::earlier && past + begin == 0 ? 1 : 0;
    if (alone > 0) attend_rows(head, begin, 1);
    if (n > alone) attend_rows(head, begin + alone, n - alone);
  };
  // Head by head, so that one head's keys and values stay in the cache over many positions.
  threads.for_ranges(shape.heads * n_tiles, kWorthSplitting / cost + 1,
                     [&](size_t begin, size_t end) {
                       for (size_t task = begin; task < end; ++task) {
                         attend_tile(task / n_tiles, task % n_tiles * tile);
                       }
                     });
}

}  // namespace terse
