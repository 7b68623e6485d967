// Softmax attention, block by block over the keys.
#include "core/kernels/attention.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/attention.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/argmax-inl.h"
#include "core/kernels/dot-inl.h"
#include "core/kernels/math-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

// Keys in a block: their scores, and the keys of a small head, stay in the first-level cache.
constexpr size_t kBlock = 128;

/// scores[j] = scale * <q, key_j>    for j < count
template <class K>
HWY_INLINE void score_keys(const float* q, const K* keys, size_t count, size_t d_qk, float scale,
                           float* scores) {
  for (size_t j = 0; j < count; j += 4) {
    const K* rows[4];
    for (size_t c = 0; c < 4; ++c) rows[c] = keys + std::min(j + c, count - 1) * d_qk;
    float dots[1][4];
    dot_tile(q, 0, rows, d_qk, dots);
    for (size_t c = 0; c < std::min<size_t>(4, count - j); ++c) scores[j + c] = scale * dots[0][c];
  }
}

/// out[i] = decay * out[i] + sum_j weights[j] * values[j, i]    for the first kVectors vectors of
/// columns, or `part` lanes of one; `width` floats are a row
template <size_t kVectors, class V>
HWY_INLINE void add_columns(const float* weights, const V* values, size_t count, size_t width,
                            float decay, size_t part, float* out) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  FloatVec sums[kVectors];
  for (size_t v = 0; v < kVectors; ++v) sums[v] = hn::Zero(d);
  for (size_t j = 0; j < count; ++j) {
    const FloatVec weight = hn::Set(d, weights[j]);
    const V* row = values + j * width;
    for (size_t v = 0; v < kVectors; ++v) {
      const FloatVec value = kVectors == 1 ? load_part(d, row, part) : load(d, row + v * lanes);
      sums[v] = hn::MulAdd(weight, value, sums[v]);
    }
  }
  const FloatVec decays = hn::Set(d, decay);
  for (size_t v = 0; v < kVectors; ++v) {
    const FloatVec before = load_part(d, out + v * lanes, part);
    store_part(d, hn::MulAdd(before, decays, sums[v]), out + v * lanes, part);
  }
}

/// The same for all columns from c on: kVectors vectors at a time, then half as many.
template <size_t kVectors, class V>
HWY_INLINE void add_values(const float* weights, const V* values, size_t count, size_t d_v,
                           float decay, size_t c, float* out) {
  const size_t lanes = hn::Lanes(Floats());
  for (; c + kVectors * lanes <= d_v; c += kVectors * lanes) {
    add_columns<kVectors>(weights, values + c, count, d_v, decay, lanes, out + c);
  }
  if constexpr (kVectors > 1) {
    add_values<kVectors / 2>(weights, values, count, d_v, decay, c, out);
  } else if (c < d_v) {
    add_columns<1>(weights, values + c, count, d_v, decay, d_v - c, out + c);
  }
}

HWY_NOINLINE void score_block(const float* q, WeightView keys, size_t count, size_t d_qk,
                              float scale, float* scores) {
  if (keys.dtype == DType::bf16) {
    score_keys(q, bf16_of(keys), count, d_qk, scale, scores);
  } else {
    score_keys(q, f32_of(keys), count, d_qk, scale, scores);
  }
}

HWY_NOINLINE void add_block(const float* weights, WeightView values, size_t count, size_t d_v,
                            float decay, float* out) {
  if (values.dtype == DType::bf16) {
    add_values<kColumnVectors>(weights, bf16_of(values), count, d_v, decay, 0, out);
  } else {
    add_values<kColumnVectors>(weights, f32_of(values), count, d_v, decay, 0, out);
  }
}

/// What is known of one query after some blocks of keys.
struct Running {
  float largest = 0.0f;  // score
  float total = 0.0f;    // of the exponentials, relative to the largest
};

HWY_INLINE void attend_block(const float* q, WeightView keys, WeightView values, size_t begin,
                             size_t count, size_t d_qk, size_t d_v, float scale, Running& running,
                             float* out) {
  HWY_ALIGN float scores[kBlock];
  score_block(q, keys.from(begin * d_qk), count, d_qk, scale, scores);
  const float block_largest = max_of(scores, count);
  const float shift = begin == 0 ? block_largest : std::max(running.largest, block_largest);
  const float decay = begin == 0 ? 0.0f : std::exp(running.largest - shift);
  running.total = running.total * decay + exponentials(shift, count, scores);
  add_block(scores, values.from(begin * d_v), count, d_v, decay, out);
  running.largest = shift;
}

void attend_many(const float* q, size_t q_stride, size_t m, WeightView keys, WeightView values,
                 size_t first_length, size_t growth, size_t d_qk, size_t d_v, float scale,
                 float* out, size_t out_stride) {
  Running running[kMostQueries];
  for (size_t i = 0; i < m; ++i) std::fill_n(out + i * out_stride, d_v, 0.0f);
  const size_t longest = first_length + (m - 1) * growth;
  for (size_t begin = 0; begin < longest; begin += kBlock) {
    for (size_t i = 0; i < m; ++i) {
      const size_t length = first_length + i * growth;
      if (length <= begin) continue;
      attend_block(q + i * q_stride, keys, values, begin, std::min(kBlock, length - begin), d_qk,
                   d_v, scale, running[i], out + i * out_stride);
    }
  }
  for (size_t i = 0; i < m; ++i) {
    const float factor = 1.0f / running[i].total;
    for (size_t c = 0; c < d_v; ++c) out[i * out_stride + c] *= factor;
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(attend_many);

void attend_many(const float* q, size_t q_stride, size_t m, WeightView keys, WeightView values,
                 size_t first_length, size_t growth, size_t d_qk, size_t d_v, float scale,
                 float* out, size_t out_stride) {
  HWY_DYNAMIC_DISPATCH(attend_many)
  (q, q_stride, m, keys, values, first_length, growth, d_qk, d_v, scale, out, out_stride);
}

void attend(const float* q, WeightView keys, WeightView values, size_t length, size_t d_qk,
            size_t d_v, float scale, float* out) {
  attend_many(q, d_qk, 1, keys, values, length, 0, d_qk, d_v, scale, out, d_v);
}

}  // namespace terse::kernels
#endif
