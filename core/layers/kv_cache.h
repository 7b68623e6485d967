// Keys and values of the positions that attention has seen.
#pragma once

#include <cstddef>
#include <vector>

#include "core/kernels/weight_view.h"
#include "core/matrix.h"

namespace terse {

/// Stands head by head, so that one head's keys are one contiguous read: [heads, capacity, d].
/// Grows by doubling when it is full; copying copies everything.
class KvCache {
 public:
  KvCache(size_t heads, size_t d_qk, size_t d_v, size_t capacity, DType type = DType::f32);

  size_t length() const { return length_; }
  size_t bytes() const { return keys_.size() + values_.size(); }
  /// Bytes of the positions so far: what attention over all of them reads.
  size_t bytes_used() const { return (keys_.size() + values_.size()) / capacity_ * length_; }

  /// keys: [n, heads * d_qk], values: [n, heads * d_v]; the heads of a position stand one behind
  /// the other.
  void append(ConstMatrix keys, ConstMatrix values);

  /// Forgets the first `count` <= length() positions; the others move up.
  void drop_front(size_t count);

  /// [length, d_qk] and [length, d_v] of one head.
  kernels::WeightView keys(size_t head) const;
  kernels::WeightView values(size_t head) const;

 private:
  void grow(size_t capacity);

  size_t heads_;
  size_t d_qk_;
  size_t d_v_;
  DType type_;
  size_t capacity_;
  size_t length_ = 0;
  std::vector<std::byte> keys_;
  std::vector<std::byte> values_;
};

}  // namespace terse
