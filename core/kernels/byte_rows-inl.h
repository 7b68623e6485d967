// Scores and sums of 8-bit rows of a cache by products of 16 bits: the other factor is rounded to
// so many, which loses far less than the rows have lost. Compiled once for each instruction set,
// hence no `#pragma once`.
#if defined(TERSE_CORE_KERNELS_BYTE_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TERSE_CORE_KERNELS_BYTE_ROWS_INL_H_
#undef TERSE_CORE_KERNELS_BYTE_ROWS_INL_H_
#else
#define TERSE_CORE_KERNELS_BYTE_ROWS_INL_H_
#endif

#include <algorithm>
#include <cmath>

#include "core/kernels/cache_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

// Products of at most so many terms cannot overflow: 2^15 * 127 * 512 < 2^31.
constexpr size_t kMostShortTerms = 512;

using Sums32 = hn::ScalableTag<int32_t>;
using SumVec = hn::Vec<Sums32>;

/// n <= kMostShortTerms floats as shorts, the largest magnitude being 32767. Returns what each
/// stands for, times its value; NaN if one is not finite.
HWY_INLINE float to_shorts(const float* x, size_t n, int16_t* shorts) {
  const Floats d;
  const hn::Rebind<int16_t, Floats> ds;
  const size_t lanes = hn::Lanes(d);
  const float largest = largest_magnitude(x, n);
  const float step = largest / 32767.0f + (largest - largest);
  const FloatVec inverse = hn::Set(d, largest > 1e-30f ? 32767.0f / largest : 0.0f);
  for (size_t i = 0; i < n; i += lanes) {
    const size_t part = std::min(lanes, n - i);
    const auto rounded = hn::NearestInt(hn::Mul(load_part(d, x + i, part), inverse));
    store_part(ds, hn::DemoteTo(ds, rounded), shorts + i, part);
  }
  return step;
}

/// The first n <= lanes bytes of a row as shorts, the others zero.
HWY_INLINE ShortVec load_bytes_as_shorts(const int8_t* row, size_t n) {
  const Shorts d;
  const hn::Rebind<int8_t, Shorts> db;
  if (n >= hn::Lanes(d)) return hn::PromoteTo(d, hn::LoadU(db, row));
  return hn::PromoteTo(d, load_first(db, row, n));
}

/// sums + products of neighbours
HWY_INLINE SumVec add_short_products(SumVec sums, ShortVec a, ShortVec b) {
  SumVec unused = hn::Zero(Sums32());
  return hn::ReorderWidenMulAccumulate(Sums32(), a, b, sums, unused);
}

/// scores[c] = <q, rows[c]>    for c < kScoreGroup, as integers in the place of floats
HWY_INLINE void score_byte_group(const int16_t* q, const int8_t* const (&rows)[kScoreGroup],
                                 size_t d, float* scores) {
  const size_t lanes = hn::Lanes(Shorts());
  SumVec sums[kScoreGroup];
  for (SumVec& sum : sums) sum = hn::Zero(Sums32());
  size_t i = 0;
  for (; i + lanes <= d; i += lanes) {
    const ShortVec factor = hn::LoadU(Shorts(), q + i);
    for (size_t c = 0; c < kScoreGroup; ++c) {
      sums[c] = add_short_products(sums[c], load_bytes_as_shorts(rows[c] + i, lanes), factor);
    }
  }
  if (i < d) {
    const ShortVec factor = load_first(Shorts(), q + i, d - i);
    for (size_t c = 0; c < kScoreGroup; ++c) {
      sums[c] = add_short_products(sums[c], load_bytes_as_shorts(rows[c] + i, d - i), factor);
    }
  }
  const auto bits = [&](size_t c) { return hn::BitCast(Floats(), sums[c]); };
  fold_lanes(AddBits(), bits(0), bits(1), bits(2), bits(3), scores);
  fold_lanes(AddBits(), bits(4), bits(5), bits(6), bits(7), scores + 4);
}

/// scores[j] = <q, keys[j]>    for j < count, in whole groups of kScoreGroup
HWY_INLINE void score_bytes(const int16_t* q, const int8_t* keys, size_t count, size_t d,
                            const Reads& ahead, float* scores) {
  for (size_t j = 0; j < count; j += kScoreGroup) {
    const int8_t* rows[kScoreGroup];
    for (size_t c = 0; c < kScoreGroup; ++c) rows[c] = keys + std::min(j + c, count - 1) * d;
    ahead.prefetch(j, std::min(kScoreGroup, count - j));
    score_byte_group(q, rows, d, scores + j);
  }
  const Floats d_float;
  const hn::Rebind<int32_t, Floats> d_int;
  for (size_t j = 0; j < count; j += hn::Lanes(d_float)) {
    const auto whole =
        hn::BitCast(d_int, hn::LoadU(d_float, static_cast<const float*>(scores + j)));
    hn::StoreU(hn::ConvertTo(d_float, whole), d_float, scores + j);
  }
}

#if HWY_TARGET != HWY_SCALAR
/// out[i] = decay * out[i] + step * sum_j weights[j] * values[j, i]    for the kVectors vectors of
/// columns from 0 on, of which the last has `part`
///
/// Two rows at a time: their columns stand side by side, and so do their weights.
template <size_t kVectors>
HWY_INLINE void add_byte_columns(const int16_t* weights, const int8_t* values, size_t count,
                                 size_t width, float decay, float step, size_t part,
                                 const Reads& ahead, float* out) {
  const Shorts d;
  const size_t lanes = hn::Lanes(d);
  SumVec low[kVectors], high[kVectors];
  for (size_t v = 0; v < kVectors; ++v) low[v] = high[v] = hn::Zero(Sums32());
  for (size_t j = 0; j < count; j += 2) {
    ahead.prefetch(j, 2);
    int32_t both;
    std::memcpy(&both, weights + j, sizeof(both));
    const ShortVec weight = hn::BitCast(d, hn::Set(Sums32(), both));
    const int8_t* row = values + j * width;
    const int8_t* next = j + 1 < count ? row + width : row;
    for (size_t v = 0; v < kVectors; ++v) {
      const size_t n = v + 1 < kVectors ? lanes : part;
      const ShortVec a = load_bytes_as_shorts(row + v * lanes, n);
      const ShortVec b = load_bytes_as_shorts(next + v * lanes, n);
      low[v] = add_short_products(low[v], hn::InterleaveLower(d, a, b), weight);
      high[v] = add_short_products(high[v], hn::InterleaveUpper(d, a, b), weight);
    }
  }
  // A block of eight columns has its first four in `low`, the others in `high`.
  constexpr size_t kBlock4 = 4;
  const hn::FixedTag<float, kBlock4> d4;
  const Floats df;
  for (size_t v = 0; v < kVectors; ++v) {
    HWY_ALIGN float sums[2][hn::MaxLanes(Floats())];
    HWY_ALIGN float ordered[2 * hn::MaxLanes(Floats())];
    hn::Store(hn::ConvertTo(df, low[v]), df, sums[0]);
    hn::Store(hn::ConvertTo(df, high[v]), df, sums[1]);
    for (size_t i = 0; i < lanes; i += kBlock4) {
      const size_t block = i / kBlock4;
      hn::Store(hn::Load(d4, sums[block % 2] + block / 2 * kBlock4), d4, ordered + i);
    }
    const size_t n = v + 1 < kVectors ? lanes : part;
    for (size_t i = 0; i < n; i += hn::Lanes(df)) {
      const size_t some = std::min(hn::Lanes(df), n - i);
      float* to = out + v * lanes + i;
      const FloatVec before = hn::Mul(load_part(df, to, some), hn::Set(df, decay));
      store_part(df, hn::MulAdd(hn::Load(df, ordered + i), hn::Set(df, step), before), to, some);
    }
  }
}

/// The same for all d_v columns; weights: an even number of them, filled up with zero. The first
/// columns do the prefetching.
HWY_INLINE void add_bytes(const int16_t* weights, const int8_t* values, size_t count, size_t d_v,
                          float decay, float step, Reads ahead, float* out) {
  const size_t lanes = hn::Lanes(Shorts());
  size_t c = 0;
  for (; c + 2 * lanes <= d_v; c += 2 * lanes, ahead = {}) {
    add_byte_columns<2>(weights, values + c, count, d_v, decay, step, lanes, ahead, out + c);
  }
  for (; c < d_v; c += lanes, ahead = {}) {
    add_byte_columns<1>(weights, values + c, count, d_v, decay, step, std::min(lanes, d_v - c),
                        ahead, out + c);
  }
}
#endif

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
