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
struct Ahead {
  const std::byte* data = nullptr;
  size_t bytes = 0;

  HWY_INLINE void prefetch(size_t row) const {
    for (size_t b = 0; b < bytes; b += 64) prefetch_line(data + row * bytes + b);
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

/// scores[j] = scale * <q, keys[j]>, up to the rows' own scales
template <class K>
HWY_INLINE void score_elements(const float* q, const K* keys, size_t count, size_t d, float scale,
                               const Ahead& ahead, float* scores) {
  constexpr size_t kGroup = 8;
  for (size_t j = 0; j < count; j += kGroup) {
    const K* rows[kGroup];
    for (size_t c = 0; c < kGroup; ++c) {
      const size_t row = std::min(j + c, count - 1);
      rows[c] = keys + row * d;
      ahead.prefetch(row);
    }
    float dots[1][kGroup];
    dot_tile(q, 0, rows, d, dots);
    for (size_t c = 0; c < std::min(kGroup, count - j); ++c) scores[j + c] = scale * dots[0][c];
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
