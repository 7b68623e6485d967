#include "core/layers/rounded_attention.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/cache_rows.h"

namespace terse {
namespace {

// The score as Trax's float32 keeps it, a multiple of 64.
float rounded(float score) {
  constexpr float kMasked = 1e9f;
  return (score - kMasked) + kMasked;
}

// One head of one position. scores: [length], for use in here.
void attend_head(const float* q, const KvCache& cache, const HeadShape& shape, size_t head,
                 float* scores, float* y) {
  const size_t n = cache.length();
  const float scale = 1.0f / std::sqrt(float(shape.d_qk));
  kernels::score_rows(q, cache.keys(head), n, shape.d_qk, scale, scores);
  std::transform(scores, scores + n, scores, rounded);
  const float best = *std::max_element(scores, scores + n);
  std::fill_n(y, shape.d_v, 0.0f);
  for (size_t j = 0; j < n; ++j) {
    if (scores[j] < best) continue;
    kernels::add_row(cache.values(head).from(j, shape.d_v), shape.d_v, y);
  }
}

}  // namespace

void rounded_attention(ConstMatrix q, const KvCache& cache, const HeadShape& shape, Workspace& work,
                       Matrix y) {
  const Scratch::Frame frame(work.scratch);
  const Matrix scores = work.scratch.matrix(shape.heads, cache.length());
  work.threads.for_ranges(shape.heads, 1, [&](size_t begin, size_t end) {
    for (size_t head = begin; head < end; ++head) {
      for (size_t i = 0; i < q.rows; ++i) {
        attend_head(q.row(i) + head * shape.d_qk, cache, shape, head, scores.row(head),
                    y.row(i) + head * shape.d_v);
      }
    }
  });
}

}  // namespace terse
