#include "core/layers/lsh_hash.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/matmul.h"

namespace terse {
namespace {

// More buckets than this are made from two factors.
constexpr size_t kMostUnfactored = 128;

// JAX draws [d_qk, n_hashes, half]; products read one rotated coordinate after the other.
std::vector<float> draw_rotations(RandomKey key, size_t d_qk, size_t n_out) {
  std::vector<float> drawn(d_qk * n_out);
  random_normal(key, drawn);
  std::vector<float> rotations(drawn.size());
  for (size_t i = 0; i < d_qk; ++i) {
    for (size_t j = 0; j < n_out; ++j) rotations[j * d_qk + i] = drawn[i * n_out + j];
  }
  return rotations;
}

// argmax of [r, -r], the first on ties.
uint32_t signed_argmax(const float* r, size_t n) {
  size_t best = 0;
  for (size_t i = 1; i < n; ++i) best = r[i] > r[best] ? i : best;
  float largest = r[best];
  for (size_t i = 0; i < n; ++i) {
    if (-r[i] > largest) {
      largest = -r[i];
      best = n + i;
    }
  }
  return uint32_t(best);
}

}  // namespace

std::vector<size_t> HashShape::factors(size_t length) const {
  if (!n_buckets.empty()) return n_buckets;
  const size_t wanted = 2 * std::max<size_t>(1, length / chunk_len);
  if (wanted <= kMostUnfactored) return {wanted};
  const auto first = size_t(std::exp2(std::ceil(std::log2(std::sqrt(double(wanted))))));
  return {first, 2 * (wanted / (2 * first))};
}

LshHash::LshHash(const HashShape& shape, RandomKey key, size_t length)
    : d_qk_(shape.d_qk), n_hashes_(shape.n_hashes), factors_(shape.factors(length)) {
  for (const size_t factor : factors_) {
    half_ += factor / 2;
    n_buckets_ *= factor;
  }
  rotations_ = draw_rotations(key, d_qk_, n_hashes_ * half_);
}

uint32_t LshHash::bucket(const float* rotated) const {
  uint32_t bucket = 0;
  uint32_t digit = 1;
  for (const size_t factor : factors_) {
    bucket += digit * signed_argmax(rotated, factor / 2);
    digit *= uint32_t(factor);
    rotated += factor / 2;
  }
  return bucket;
}

void LshHash::assign(const float* vectors, size_t vector_stride, size_t n, float* rotated,
                     uint32_t* buckets, size_t bucket_stride) const {
  const size_t width = scratch_size();
  kernels::matmul(vectors, vector_stride, n, rotations_.data(), width, d_qk_, nullptr, rotated,
                  width);
  for (size_t i = 0; i < n; ++i) {
    for (size_t hash = 0; hash < n_hashes_; ++hash) {
      buckets[hash * bucket_stride + i] = bucket(rotated + i * width + hash * half_);
    }
  }
}

}  // namespace terse
