// Softmax attention, block by block over the keys.
#include "core/kernels/attention.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/attention.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/argmax-inl.h"
#include "core/kernels/byte_rows-inl.h"
#include "core/kernels/cache_rows-inl.h"
#include "core/kernels/math-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

// Keys in a block: their scores, and the keys of a small head, stay in the first-level cache.
constexpr size_t kBlock = 128;

/// out[i] = decay * out[i] + sum_j weights[j] * values[j, i]    for the first kVectors vectors of
/// columns, or `part` lanes of one; `width` floats are a row
template <size_t kVectors, class V>
HWY_INLINE void add_columns(const float* weights, const V* values, size_t count, size_t width,
                            float decay, size_t part, const Reads& ahead, float* out) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  FloatVec sums[kVectors];
  for (size_t v = 0; v < kVectors; ++v) sums[v] = hn::Zero(d);
  for (size_t j = 0; j < count; ++j) {
    const FloatVec weight = hn::Set(d, weights[j]);
    const V* row = values + j * width;
    ahead.prefetch(j, 1);
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

/// The same for all columns from c on: kVectors vectors at a time, then half as many. The first
/// columns do the prefetching.
template <size_t kVectors, class V>
HWY_INLINE void add_values(const float* weights, const V* values, size_t count, size_t d_v,
                           float decay, size_t c, Reads ahead, float* out) {
  const size_t lanes = hn::Lanes(Floats());
  for (; c + kVectors * lanes <= d_v; c += kVectors * lanes, ahead = {}) {
    add_columns<kVectors>(weights, values + c, count, d_v, decay, lanes, ahead, out + c);
  }
  if constexpr (kVectors > 1) {
    add_values<kVectors / 2>(weights, values, count, d_v, decay, c, ahead, out);
  } else if (c < d_v) {
    add_columns<1>(weights, values + c, count, d_v, decay, d_v - c, ahead, out + c);
  }
}

HWY_NOINLINE void score_block(const float* q, CacheRows keys, size_t count, size_t d_qk,
                              float scale, const Reads& ahead, float* scores) {
  if (keys.type == CacheType::int8 && d_qk <= kMostShortTerms) {
    HWY_ALIGN int16_t shorts[kMostShortTerms];
    const float step = to_shorts(q, d_qk, shorts);
    score_bytes(shorts, reinterpret_cast<const int8_t*>(keys.data), count, d_qk, ahead, scores);
    apply_scales(scale * step, keys.scales, count, scores);
    return;
  }
  with_elements(
      keys, [&](const auto* elements) { score_elements(q, elements, count, d_qk, ahead, scores); });
  apply_scales(scale, keys.scales, count, scores);
}

/// Leaves the rows' own scales in the weights.
HWY_NOINLINE void add_block(float* weights, CacheRows values, size_t count, size_t d_v, float decay,
                            const Reads& ahead, float* out) {
  if (values.scales != nullptr) apply_scales(1.0f, values.scales, count, weights);
#if HWY_TARGET != HWY_SCALAR
  if (values.type == CacheType::int8) {
    HWY_ALIGN int16_t shorts[kBlock + 1] = {};
    const float step = to_shorts(weights, count, shorts);
    add_bytes(shorts, reinterpret_cast<const int8_t*>(values.data), count, d_v, decay, step, ahead,
              out);
    return;
  }
#endif
  with_elements(values, [&](const auto* elements) {
    add_values<kColumnVectors>(weights, elements, count, d_v, decay, 0, ahead, out);
  });
}

/// What is known of one query after some blocks of keys.
struct Running {
  float largest = 0.0f;  // score
  float total = 0.0f;    // of the exponentials, relative to the largest
};

/// One head: its keys and values, and the sizes of their rows.
struct Head {
  CacheRows keys, values;
  size_t d_qk, d_v;
  float scale;
};

/// Keys and values of a block stand far apart, so neither is where the hardware's prefetching
/// expects the next read: while the keys are read, the block's values are asked for, and then the
/// keys of the next block, or the first ones of the next head.
struct BlockAhead {
  Reads with_keys, with_values;

  static BlockAhead of(const Head& head, size_t begin, size_t length, const std::byte* next_keys) {
    const Reads values = rows(head.values, begin, head.d_v);
    if (begin + kBlock < length) return {values, rows(head.keys, begin + kBlock, head.d_qk)};
    return {values, next_head(head, begin, length, next_keys)};
  }
  // Its first block of keys, in the time of the last block of this head.
  static Reads next_head(const Head& head, size_t begin, size_t length, const std::byte* keys) {
    if (keys == nullptr) return {};
    const size_t bytes = std::min(kBlock, length) * head.d_qk * size_of(head.keys.type);
    return {keys, round_up((bytes + length - begin - 1) / (length - begin), kLineBytes)};
  }
  static Reads rows(CacheRows all, size_t first, size_t d) {
    return {all.from(first, d).data, d * size_of(all.type)};
  }
};

HWY_INLINE void attend_block(const float* q, const Head& head, size_t begin, size_t count,
                             const BlockAhead& ahead, Running& running, float* out) {
  HWY_ALIGN float scores[kBlock];
  score_block(q, head.keys.from(begin, head.d_qk), count, head.d_qk, head.scale, ahead.with_keys,
              scores);
  const float block_largest = max_of(scores, count);
  const float shift = begin == 0 ? block_largest : std::max(running.largest, block_largest);
  const float decay = begin == 0 ? 0.0f : std::exp(running.largest - shift);
  running.total = running.total * decay + exponentials(shift, count, scores);
  add_block(scores, head.values.from(begin, head.d_v), count, head.d_v, decay, ahead.with_values,
            out);
  running.largest = shift;
}

void attend_many(const float* q, size_t q_stride, size_t m, CacheRows keys, CacheRows values,
                 size_t first_length, size_t growth, size_t d_qk, size_t d_v, float scale,
                 float* out, size_t out_stride, const std::byte* next_keys) {
  Running running[kMostQueries];
  const Head head{keys, values, d_qk, d_v, scale};
  for (size_t i = 0; i < m; ++i) std::fill_n(out + i * out_stride, d_v, 0.0f);
  const size_t longest = first_length + (m - 1) * growth;
  for (size_t begin = 0; begin < longest; begin += kBlock) {
    // The first query that sees the block brings it into the cache for all.
    BlockAhead ahead = BlockAhead::of(head, begin, longest, next_keys);
    for (size_t i = 0; i < m; ++i) {
      const size_t length = first_length + i * growth;
      if (length <= begin) continue;
      attend_block(q + i * q_stride, head, begin, std::min(kBlock, length - begin), ahead,
                   running[i], out + i * out_stride);
      ahead = {};
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

void attend_many(const float* q, size_t q_stride, size_t m, CacheRows keys, CacheRows values,
                 size_t first_length, size_t growth, size_t d_qk, size_t d_v, float scale,
                 float* out, size_t out_stride, const std::byte* next_keys) {
  HWY_DYNAMIC_DISPATCH(attend_many)
  (q, q_stride, m, keys, values, first_length, growth, d_qk, d_v, scale, out, out_stride,
   next_keys);
}

void attend(const float* q, CacheRows keys, CacheRows values, size_t length, size_t d_qk,
            size_t d_v, float scale, float* out) {
  attend_many(q, d_qk, 1, keys, values, length, 0, d_qk, d_v, scale, out, d_v);
}

}  // namespace terse::kernels
#endif
