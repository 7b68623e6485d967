// Angular locality-sensitive hashing: vectors to buckets by random rotations (Trax: hash_vecs;
// Andoni et al. 2015, arXiv 1509.02897).
#pragma once

#include <cstdint>
#include <vector>

#include "core/random.h"

namespace terse {

/// How one head hashes.
struct HashShape {
  size_t d_qk;
  size_t n_hashes;
  /// Buckets of one hash: even numbers, several of which make a product. Empty: two for each chunk
  /// of the sequence.
  std::vector<size_t> n_buckets;
  size_t chunk_len;

  /// The factors of the number of buckets for a sequence of that length.
  std::vector<size_t> factors(size_t length) const;
};

/// bucket = argmax of [r, -r], the first on ties, with r = R x; with several factors one argmax
/// each, the first factor's being the least significant digit. Immutable.
class LshHash {
 public:
  /// R is drawn from `key` for sequences of that length.
  LshHash(const HashShape& shape, RandomKey key, size_t length);

  size_t n_hashes() const { return n_hashes_; }
  /// Of one hash.
  size_t n_buckets() const { return n_buckets_; }
  /// Floats that assign() needs for each vector.
  size_t scratch_size() const { return n_hashes_ * half_; }

  /// buckets[hash * bucket_stride + i] of n vectors that start vector_stride floats apart, each in
  /// [0, n_buckets()). rotated: [n, scratch_size()], overwritten.
  void assign(const float* vectors, size_t vector_stride, size_t n, float* rotated,
              uint32_t* buckets, size_t bucket_stride) const;

 private:
  uint32_t bucket(const float* rotated) const;

  size_t d_qk_;
  size_t n_hashes_;
  std::vector<size_t> factors_;
  size_t half_ = 0;  // rotated coordinates of one hash: half the sum of the factors
  size_t n_buckets_ = 1;
  std::vector<float> rotations_;  // [n_hashes, half, d_qk]
};

}  // namespace terse
