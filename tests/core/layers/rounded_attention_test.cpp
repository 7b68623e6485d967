// EncDecAttention's arithmetic, against Trax's formula in float32 term by term.
#include "core/layers/rounded_attention.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

using namespace terse;

namespace {

// Trax: attend() with EncDecAttention's mask_fn. One head; q: [d], keys, values: [n, d].
std::vector<float> as_trax(const std::vector<float>& q, const std::vector<float>& keys,
                           const std::vector<float>& values, size_t n) {
  const size_t d = q.size();
  std::vector<float> scores(n);
  float best = -INFINITY;
  for (size_t j = 0; j < n; ++j) {
    float dot = 0;
    for (size_t k = 0; k < d; ++k) dot += q[k] * (keys[j * d + k] / std::sqrt(float(d)));
    scores[j] = dot - 1e9f;
    best = std::max(best, scores[j]);
  }
  float sum = 0;
  for (const float score : scores) sum += std::exp(score - best);
  const float normaliser = best + std::log(sum);
  std::vector<float> y(d);
  for (size_t j = 0; j < n; ++j) {
    for (size_t k = 0; k < d; ++k) y[k] += std::exp(scores[j] - normaliser) * values[j * d + k];
  }
  return y;
}

std::vector<float> attend(const std::vector<float>& q, std::vector<float> keys,
                          std::vector<float> values, size_t n, CacheType type = CacheType::f32) {
  const size_t d = q.size();
  Workspace work;
  KvCache cache(1, d, d, n, type);
  cache.append(Matrix(keys.data(), n, d), Matrix(values.data(), n, d), work.threads);
  std::vector<float> y(d);
  rounded_attention(ConstMatrix(q.data(), 1, d), cache, {1, d, d}, work, Matrix(y.data(), 1, d));
  return y;
}

}  // namespace

TEST_CASE("Scores that float32 cannot tell apart near 1e9 give the sum of the values") {
  const std::vector<float> q{1, 2, -3, 4}, keys{1, 0, 0, 0, 0, 5, 0, 0, -1, -2, -3, 1},
      values{1, 2, 3, 4, 10, 20, 30, 40, 100, 200, 300, 400};
  CHECK(attend(q, keys, values, 3) == std::vector<float>{111, 222, 333, 444});
  CHECK(attend(q, keys, values, 3) == as_trax(q, keys, values, 3));
}

TEST_CASE("Only the largest multiple of 64 is attended to") {
  // Scores: 100 (128 after rounding), 110 (128), 90 (64), -500.
  const std::vector<float> q{2, 0, 0, 0},
      keys{100, 0, 0, 0, 110, 0, 0, 0, 90, 0, 0, 0, -500, 0, 0, 0},
      values{1, 2, 3, 4, 10, 20, 30, 40, 100, 200, 300, 400, 1000, 2000, 3000, 4000};
  CHECK(attend(q, keys, values, 4) == std::vector<float>{11, 22, 33, 44});
  CHECK(attend(q, keys, values, 4) == as_trax(q, keys, values, 4));
}

TEST_CASE("A cache of 8-bit integers gives the sum of the values it holds") {
  const std::vector<float> q{1, 2, -3, 4}, keys{1, 0, 0, 0, 0, 5, 0, 0, -1, -2, -3, 1},
      values{1, 2, 3, 127, 10, 20, 30, 127, 100, 20, 30, 127};
  CHECK(attend(q, keys, values, 3, CacheType::int8) == std::vector<float>{111, 42, 63, 381});
}
