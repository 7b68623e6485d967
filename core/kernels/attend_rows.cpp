// Softmax attention of one query over chosen rows, block by block.
#include "core/kernels/attend_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/attend_rows.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/argmax-inl.h"
#include "core/kernels/cache_rows-inl.h"
#include "core/kernels/math-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

// Rows in a block: a multiple of the eight that are scored together and of every vector's lanes.
constexpr size_t kRowBlock = 128;
constexpr float kSelfPenalty = 1e5f;

/// Moves to the next rows that are seen: at most a block of them into `seen`.
HWY_INLINE size_t take_seen(const uint32_t* rows, size_t n_rows, const RowMask& mask, size_t& next,
                            uint32_t* seen) {
  const uint32_t end = mask.causal ? std::min(mask.end, mask.query + 1) : mask.end;
  size_t count = 0;
  for (; next < n_rows && count < kRowBlock; ++next) {
    seen[count] = rows[next];
    count += rows[next] < end;
  }
  return count;
}

template <class K>
HWY_INLINE void score_chosen(const float* q, const K* keys, size_t stride, const uint32_t* rows,
                             size_t count, size_t d_qk, float scale, float* scores) {
  for (size_t j = 0; j < count; j += 8) {
    const K* eight[8];
    for (size_t c = 0; c < 8; ++c) eight[c] = keys + rows[std::min(j + c, count - 1)] * stride;
    float dots[1][8];
    dot_tile(q, 0, eight, d_qk, dots);
    for (size_t c = 0; c < std::min<size_t>(8, count - j); ++c) scores[j + c] = scale * dots[0][c];
  }
}

/// out[c] = decay * out[c] + sum_j weights[j] * values[rows[j], c]    for kVectors full vectors of
/// columns, or the first `part` lanes of one
template <size_t kVectors, class V>
HWY_INLINE void add_columns(const float* weights, const V* values, size_t stride,
                            const uint32_t* rows, size_t count, float decay, size_t part,
                            float* out) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  FloatVec sums[kVectors];
  for (size_t v = 0; v < kVectors; ++v) {
    sums[v] = hn::Mul(load_part(d, out + v * lanes, part), hn::Set(d, decay));
  }
  for (size_t j = 0; j < count; ++j) {
    const FloatVec weight = hn::Set(d, weights[j]);
    const V* row = values + rows[j] * stride;
    for (size_t v = 0; v < kVectors; ++v) {
      const FloatVec value = kVectors == 1 ? load_part(d, row, part) : load(d, row + v * lanes);
      sums[v] = hn::MulAdd(weight, value, sums[v]);
    }
  }
  for (size_t v = 0; v < kVectors; ++v) store_part(d, sums[v], out + v * lanes, part);
}

template <class V>
HWY_INLINE void add_rows(const float* weights, const V* values, size_t stride, const uint32_t* rows,
                         size_t count, size_t d_v, float decay, float* out) {
  const size_t lanes = hn::Lanes(Floats());
  size_t c = 0;
  for (; c + 4 * lanes <= d_v; c += 4 * lanes) {
    add_columns<4>(weights, values + c, stride, rows, count, decay, lanes, out + c);
  }
  for (; c < d_v; c += lanes) {
    const size_t part = std::min(lanes, d_v - c);
    add_columns<1>(weights, values + c, stride, rows, count, decay, part, out + c);
  }
}

HWY_NOINLINE void score_seen(const float* q, const HeadRows& keys, const uint32_t* rows,
                             size_t count, size_t d_qk, float scale, const RowMask& mask,
                             float* scores) {
  with_elements(keys.data, [&](const auto* elements) {
    score_chosen(q, elements, keys.stride, rows, count, d_qk, scale, scores);
  });
  const float* scales = keys.data.scales;
  for (size_t j = 0; scales != nullptr && j < count; ++j) scores[j] *= scales[rows[j]];
  if (!mask.exclude_self) return;
  for (size_t j = 0; j < count; ++j) scores[j] -= rows[j] == mask.query ? kSelfPenalty : 0.0f;
}

/// Leaves the rows' own scales in the weights.
HWY_NOINLINE void add_seen(float* weights, const HeadRows& values, const uint32_t* rows,
                           size_t count, size_t d_v, float decay, float* out) {
  const float* scales = values.data.scales;
  for (size_t j = 0; scales != nullptr && j < count; ++j) weights[j] *= scales[rows[j]];
  with_elements(values.data, [&](const auto* elements) {
    add_rows(weights, elements, values.stride, rows, count, d_v, decay, out);
  });
}

float attend_rows(const float* q, const HeadRows& keys, const HeadRows& values,
                  const uint32_t* rows, size_t n_rows, size_t d_qk, size_t d_v, float scale,
                  const RowMask& mask, float* out) {
  HWY_ALIGN float scores[kRowBlock];
  uint32_t seen[kRowBlock];
  float largest = -std::numeric_limits<float>::infinity();
  float total = 0.0f;
  std::fill_n(out, d_v, 0.0f);
  for (size_t next = 0; next < n_rows;) {
    const size_t count = take_seen(rows, n_rows, mask, next, seen);
    if (count == 0) continue;
    score_seen(q, keys, seen, count, d_qk, scale, mask, scores);
    const float shift = std::max(largest, max_of(scores, count));
    const float decay = total == 0.0f ? 0.0f : std::exp(largest - shift);
    total = total * decay + exponentials(shift, count, scores);
    add_seen(scores, values, seen, count, d_v, decay, out);
    largest = shift;
  }
  if (total == 0.0f) return largest;
  const float log_sum = largest + std::log(total);
  const float factor = std::exp(largest - log_sum);
  for (size_t c = 0; c < d_v; ++c) out[c] *= factor;
  return log_sum;
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(attend_rows);

float attend_rows(const float* q, const HeadRows& keys, const HeadRows& values,
                  const uint32_t* rows, size_t n_rows, size_t d_qk, size_t d_v, float scale,
                  const RowMask& mask, float* out) {
  return HWY_DYNAMIC_DISPATCH(attend_rows)(q, keys, values, rows, n_rows, d_qk, d_v, scale, mask,
                                           out);
}

}  // namespace terse::kernels
#endif
