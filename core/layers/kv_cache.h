// Keys and values of the positions that attention has seen.
#pragma once

#include <array>
#include <cstddef>

#include "core/aligned_bytes.h"
#include "core/kernels/cache_rows.h"
#include "core/kernels/read_ahead.h"
#include "core/matrix.h"
#include "core/threads.h"

namespace terse {

/// Stands head by head, so that one head's keys are one contiguous read: [heads, capacity, d], and
/// for int8 their scales [heads, capacity]. Grows by doubling when it is full; copying copies
/// everything.
class KvCache {
 public:
  KvCache(size_t heads, size_t d_qk, size_t d_v, size_t capacity, CacheType type = CacheType::f32);
  KvCache(const KvCache& other);
  KvCache(KvCache&&) = default;
  KvCache& operator=(const KvCache&) = delete;
  KvCache& operator=(KvCache&&) = default;

  size_t length() const { return length_; }
  /// Held, room for more positions included.
  size_t bytes() const { return keys_.bytes() + values_.bytes(); }
  /// Bytes of the positions so far: what attention over all of them reads.
  size_t bytes_used() const { return bytes() / capacity_ * length_; }

  /// keys: [n, heads * d_qk], values: [n, heads * d_v]; the heads of a position stand one behind
  /// the other. The threads share the heads.
  void append(ConstMatrix keys, ConstMatrix values, Threads& threads);

  /// append() in two steps: counts n more positions, and stores some heads of the last n, which
  /// several threads may do for different heads.
  void extend(size_t n);
  void store(ConstMatrix keys, ConstMatrix values, size_t begin_head, size_t end_head);

  /// Forgets the first `count` <= length() positions; the others move up.
  void drop_front(size_t count);

  /// What attention over all positions so far reads: the keys, the values, and the scales of both,
  /// a range for each head.
  kernels::ReadAhead key_reads() const { return keys_.reads(heads_, capacity_, length_); }
  kernels::ReadAhead value_reads() const { return values_.reads(heads_, capacity_, length_); }
  kernels::ReadList scale_reads() const {
    return kernels::ReadList(keys_.scale_reads(heads_, capacity_, length_))
        .then(values_.scale_reads(heads_, capacity_, length_));
  }

  /// [length, d_qk] and [length, d_v] of one head.
  kernels::CacheRows keys(size_t head) const { return keys_.of_head(head, capacity_); }
  kernels::CacheRows values(size_t head) const { return values_.of_head(head, capacity_); }

 private:
  /// The keys or the values of all heads.
  struct Rows {
    Rows(size_t heads, size_t capacity, size_t d_row, CacheType stored_as);

    size_t row_bytes() const { return d * size_of(type); }
    size_t bytes() const { return data.size() + scales.size(); }
    float* all_scales() const { return reinterpret_cast<float*>(scales.data()); }
    kernels::CacheRows of_head(size_t head, size_t capacity) const;
    kernels::ReadAhead reads(size_t heads, size_t capacity, size_t length) const {
      return {data.data(), length * row_bytes(), heads, capacity * row_bytes()};
    }
    kernels::ReadAhead scale_reads(size_t heads, size_t capacity, size_t length) const {
      if (type != CacheType::int8) return {};
      return {scales.data(), length * sizeof(float), heads, capacity * sizeof(float)};
    }
    /// Heads begin .. end of a position; x: the rows of all heads.
    void store(const float* x, size_t begin, size_t end, size_t capacity, size_t position);
    void copy_from(const Rows& other, size_t heads, size_t other_capacity, size_t capacity,
                   size_t length);
    void drop_front(size_t heads, size_t capacity, size_t count, size_t left);

    size_t d;
    CacheType type;
    AlignedBytes data;    // [heads, capacity, d]
    AlignedBytes scales;  // [heads, capacity] floats; empty unless int8
  };

  void grow(size_t capacity);

  size_t heads_;
  size_t capacity_;
  size_t length_ = 0;
  Rows keys_;
  Rows values_;
};

}  // namespace terse
