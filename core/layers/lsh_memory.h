// What a sequence remembers in LSH attention while it is decoded (Trax: _use_predict_mem and the
// state of LSHSelfAttention in predict mode).
#pragma once

#include <cstdint>
#include <vector>

#include "core/layers/dot_product_attention.h"
#include "core/layers/kv_cache.h"
#include "core/layers/layer.h"

namespace terse {

/// Keys, values and buckets of the latest positions, `size` at most. Buckets of different hashes
/// have different numbers. A slot that no position has taken yet has bucket 0, as in Trax.
class LshMemory {
 public:
  LshMemory(const HeadShape& heads, size_t n_hashes, size_t size, const StateOptions& options);

  size_t length() const { return cache_.length(); }
  size_t size() const { return size_; }
  size_t bytes() const {
    return cache_.bytes() + buckets_.size() * sizeof(uint32_t) + sharing_.size();
  }
  const KvCache& cache() const { return cache_; }

  /// Forgets the first `drop` positions if there is no room for one more.
  void make_room(size_t drop);
  /// Takes the last rows of keys and values, as many as there is room for in an empty memory.
  void append(ConstMatrix keys, ConstMatrix values, Threads& threads);

  /// The bucket of hash h at a slot: buckets(head)[h * size() + slot].
  uint32_t* buckets(size_t head) { return buckets_.data() + head * n_hashes_ * size_; }

  /// What the newest position sees: of the slots up to it and the empty one behind it, those that
  /// share a bucket with it, the latest first, then the latest others; `most` in all, the empty
  /// slot left out in the end. rows: room for `most`. Returns their number. Different threads may
  /// ask for different heads.
  size_t select(size_t head, size_t most, uint32_t* rows);

 private:
  // sharing[slot] = 1 where the newest position has a bucket of the slot.
  void mark_sharing(size_t head, size_t n_slots, uint8_t* sharing) const;

  size_t n_hashes_;
  size_t size_;
  KvCache cache_;
  std::vector<uint32_t> buckets_;  // [heads, n_hashes, size]
  std::vector<uint8_t> sharing_;   // [heads, size]: what select() works with
};

}  // namespace terse
