#include "core/layers/lsh_memory.h"

#include <algorithm>
#include <numeric>

namespace terse {

LshMemory::LshMemory(const HeadShape& heads, size_t n_hashes, size_t size,
                     const StateOptions& options)
    : n_hashes_(n_hashes),
      size_(size),
      cache_(heads.heads, heads.d_qk, heads.d_v, std::min(options.capacity, size),
             options.cache_type),
      buckets_(heads.heads * n_hashes * size),
      sharing_(heads.heads * size) {}

void LshMemory::make_room(size_t drop) {
  if (length() < size_) return;
  cache_.drop_front(drop);
  for (auto slots = buckets_.begin(); slots != buckets_.end(); slots += ptrdiff_t(size_)) {
    const auto end = slots + ptrdiff_t(size_);
    std::fill(std::copy(slots + ptrdiff_t(drop), end, slots), end, 0);
  }
}

void LshMemory::append(ConstMatrix keys, ConstMatrix values, Threads& threads) {
  const size_t n = std::min(keys.rows, size_);
  cache_.append(keys.bottom_rows(n), values.bottom_rows(n), threads);
}

void LshMemory::mark_sharing(size_t head, size_t n_slots, uint8_t* sharing) const {
  const uint32_t* buckets = buckets_.data() + head * n_hashes_ * size_;
  std::fill_n(sharing, n_slots, uint8_t{0});
  for (size_t h = 0; h < n_hashes_; ++h, buckets += size_) {
    const uint32_t own = buckets[length() - 1];
    for (size_t slot = 0; slot < n_slots; ++slot) sharing[slot] |= uint8_t(buckets[slot] == own);
  }
}

size_t LshMemory::select(size_t head, size_t most, uint32_t* rows) {
  const size_t now = length() - 1;
  const size_t n_slots = std::min(length() + 1, size_);
  uint8_t* sharing = sharing_.data() + head * size_;
  mark_sharing(head, n_slots, sharing);
  const auto n_sharing = size_t(std::accumulate(sharing, sharing + n_slots, uint32_t{0}));
  size_t sharing_left = std::min(n_sharing, most);
  size_t others_left = std::min(n_slots - n_sharing, most - sharing_left);
  size_t count = 0;
  for (size_t slot = n_slots; slot-- > 0 && sharing_left + others_left > 0;) {
    size_t& left = sharing[slot] ? sharing_left : others_left;
    if (left == 0) continue;
    --left;
    if (slot <= now) rows[count++] = uint32_t(slot);
  }
  return count;
}

}  // namespace terse
