// Typed access to the rows of a cache, and the scores of consecutive ones. Compiled once for each
// instruction set, hence no `#pragma once`.
#if defined(TERSE_CORE_KERNELS_CACHE_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TERSE_CORE_KERNELS_CACHE_ROWS_INL_H_
#undef TERSE_CORE_KERNELS_CACHE_ROWS_INL_H_
#else
#define TERSE_CORE_KERNELS_CACHE_ROWS_INL_H_
#endif

#include <algorithm>

#include "core/kernels/cache_rows.h"
#include "core/kernels/dot-inl.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

/// What is read soon: `bytes` of it while one row of the present work is done.
struct Reads {
  const std::byte* data = nullptr;
  size_t bytes = 0;

  HWY_INLINE void prefetch(size_t row, size_t rows) const {
    const std::byte* end = data + (row + rows) * bytes;
    for (const std::byte* p = data + row * bytes; p < end; p += kLineBytes) prefetch_line(p);
  }
};

/// Calls work(elements) with a pointer to the rows' own type.
template <class Work>
HWY_INLINE void with_elements(CacheRows rows, const Work& work) {
  switch (rows.type) {
    case CacheType::f32:
      return work(reinterpret_cast<const float*>(rows.data));
    case CacheType::bf16:
      return work(reinterpret_cast<const uint16_t*>(rows.data));
    case CacheType::int8:
      return work(reinterpret_cast<const int8_t*>(rows.data));
  }
}

/// Rows that are scored together; scores need room for whole groups.
constexpr size_t kScoreGroup = 8;

/// scores[j] = <q, keys[j]>    for j < n <= kScoreGroup
template <class K>
HWY_INLINE void score_group(const float* q, const K* keys, size_t n, size_t d, float* scores) {
  const K* rows[kScoreGroup];
  for (size_t c = 0; c < kScoreGroup; ++c) rows[c] = keys + (c < n ? c : n - 1) * d;
  dot_tile(q, 0, rows, d, *reinterpret_cast<float(*)[1][kScoreGroup]>(scores));
}

/// scores[j] = <q, keys[j]>    for j < count, in whole groups
template <class K>
HWY_INLINE void score_elements(const float* q, const K* keys, size_t count, size_t d,
                               const Reads& ahead, float* scores) {
  size_t j = 0;
  for (; j + kScoreGroup <= count; j += kScoreGroup) {
    ahead.prefetch(j, kScoreGroup);
    score_group(q, keys + j * d, kScoreGroup, d, scores + j);
  }
  if (j < count) score_group(q, keys + j * d, count - j, d, scores + j);
}

/// x[j] *= factor * rows' own scales, if they have some
HWY_INLINE void apply_scales(float factor, const float* scales, size_t count, float* x) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  for (size_t j = 0; j < count; j += lanes) {
    const size_t part = std::min(lanes, count - j);
    FloatVec v = hn::Mul(load_part(d, static_cast<const float*>(x) + j, part), hn::Set(d, factor));
    if (scales != nullptr) v = hn::Mul(v, load_part(d, scales + j, part));
    store_part(d, v, x + j, part);
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
