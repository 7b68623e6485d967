// The sparse feed-forward layer: the choice of one unit per block, then the rows of those units.
#include "core/kernels/sparse_ff.h"

#include <algorithm>
#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/sparse_ff.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/argmax-inl.h"
#include "core/kernels/dot-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

/// logits[e] = bias[e] + sum_r low[r] * up[r, e]    for the first kVectors vectors of columns, or
/// `part` lanes of one
template <size_t kVectors, class W>
HWY_INLINE void logits_of(const float* low, const W* up, const float* bias, size_t rank, size_t n,
                          size_t part, float* logits) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  FloatVec sums[kVectors];
  for (size_t v = 0; v < kVectors; ++v) sums[v] = load_part(d, bias + v * lanes, part);
  for (size_t r = 0; r < rank; ++r) {
    const FloatVec factor = hn::Set(d, low[r]);
    const W* row = up + r * n;
    for (size_t v = 0; v < kVectors; ++v) {
      const FloatVec w = kVectors == 1 ? load_part(d, row, part) : load(d, row + v * lanes);
      sums[v] = hn::MulAdd(factor, w, sums[v]);
    }
  }
  for (size_t v = 0; v < kVectors; ++v) store_part(d, sums[v], logits + v * lanes, part);
}

/// The logits of as many of the n - e units from e on as kVectors vectors or fewer hold. Returns
/// that number.
template <size_t kVectors, class W>
HWY_INLINE size_t next_logits(const float* low, const W* up, const float* bias, size_t rank,
                              size_t n, size_t e, float* logits) {
  const size_t lanes = hn::Lanes(Floats());
  if constexpr (kVectors > 1) {
    if (n - e < kVectors * lanes) {
      return next_logits<kVectors / 2>(low, up, bias, rank, n, e, logits);
    }
  }
  const size_t part = std::min(lanes, n - e);
  logits_of<kVectors>(low, up + e, bias + e, rank, n, part, logits);
  return kVectors == 1 ? part : kVectors * lanes;
}

/// The unit that one block chooses.
template <class W>
HWY_INLINE uint32_t choose_unit(const float* low, const W* up, const float* bias, size_t rank,
                                size_t n) {
  HWY_ALIGN float logits[kColumnVectors * hn::MaxLanes(Floats())];
  float best = std::numeric_limits<float>::quiet_NaN();
  size_t choice = 0;
  for (size_t e = 0; e < n;) {
    const size_t count = next_logits<kColumnVectors>(low, up, bias, rank, n, e, logits);
    const size_t index = first_of_largest(logits, count);
    if (logits[index] > best || (std::isnan(best) && !std::isnan(logits[index]))) {
      best = logits[index];
      choice = e + index;
    }
    e += count;
  }
  return static_cast<uint32_t>(choice);
}

template <class W>
void choose(const float* low, const W* up, const float* bias, size_t blocks, size_t rank, size_t n,
            uint32_t* choice) {
  for (size_t b = 0; b < blocks; ++b) {
    choice[b] = choose_unit(low, up + b * rank * n, bias + b * n, rank, n);
  }
}

void choose_units(const float* low, WeightView up, const float* bias, size_t blocks, size_t rank,
                  size_t n, uint32_t* choice) {
  if (up.dtype == DType::bf16) {
    choose(low, bf16_of(up), bias, blocks, rank, n, choice);
  } else {
    choose(low, f32_of(up), bias, blocks, rank, n, choice);
  }
}

/// The row of the first (side 0) or second (side 1) matrix that block b chose.
template <class W>
HWY_INLINE const W* chosen_row(const W* units, const uint32_t* choice, size_t b, size_t n, size_t d,
                               size_t side) {
  return units + ((b * n + choice[b]) * 2 + side) * d;
}

// Rows that are read side by side, while the next as many are prefetched.
constexpr size_t kTogether = 8;

/// The rows of kTogether blocks from b on; the last block again where there are no more.
template <class W>
HWY_INLINE void chosen_rows(const W* units, const uint32_t* choice, size_t b, size_t blocks,
                            size_t n, size_t d, size_t side, const W* (&rows)[kTogether]) {
  for (size_t c = 0; c < kTogether; ++c) {
    rows[c] = chosen_row(units, choice, std::min(b + c, blocks - 1), n, d, side);
  }
}

template <class W>
void hidden_of(const float* x, const W* units, const uint32_t* choice, size_t blocks, size_t n,
               size_t d, float* hidden) {
  for (size_t b = 0; b < blocks; b += kTogether) {
    const W* rows[kTogether];
    const W* ahead[kTogether];
    chosen_rows(units, choice, b, blocks, n, d, 0, rows);
    chosen_rows(units, choice, b + kTogether, blocks, n, d, 0, ahead);
    float sums[1][kTogether];
    dot_tile(x, 0, rows, d, sums, ahead);
    for (size_t c = 0; c < std::min(kTogether, blocks - b); ++c) {
      // Where the sum is not positive, not a maximum, so that NaN stays NaN.
      hidden[b + c] = sums[0][c] <= 0.0f ? 0.0f : sums[0][c];
    }
  }
}

void chosen_hidden(const float* x, WeightView units, const uint32_t* choice, size_t blocks,
                   size_t n, size_t d, float* hidden) {
  if (units.dtype == DType::bf16) {
    hidden_of(x, bf16_of(units), choice, blocks, n, d, hidden);
  } else {
    hidden_of(x, f32_of(units), choice, blocks, n, d, hidden);
  }
}

/// Some rows to add, each times its hidden value.
template <class W>
struct Rows {
  size_t count = 0;
  float hidden[kTogether];
  const W* row[kTogether];
};

/// y[j] += hidden[0] * row[0][j] + hidden[1] * row[1][j] + ..., in this order, for the first `part`
/// lanes at j
template <class W>
HWY_INLINE void add_rows_at(const Rows<W>& rows, size_t j, size_t part, float* y) {
  const Floats d;
  FloatVec sum = load_part(d, y + j, part);
  for (size_t c = 0; c < rows.count; ++c) {
    sum = hn::MulAdd(hn::Set(d, rows.hidden[c]), load_part(d, rows.row[c] + j, part), sum);
  }
  store_part(d, sum, y + j, part);
}

/// Adds the rows to y[0:columns], and prefetches the next ones.
template <class W>
HWY_INLINE void add_rows(const Rows<W>& rows, const Rows<W>& ahead, size_t columns, float* y) {
  constexpr size_t kLine = 64 / sizeof(W);
  const size_t lanes = hn::Lanes(Floats());
  size_t j = 0;
  for (; j + kLine <= columns; j += kLine) {
    for (size_t c = 0; c < ahead.count; ++c) prefetch_line(ahead.row[c] + j);
    for (size_t i = j; i < j + kLine; i += lanes) add_rows_at(rows, i, lanes, y);
  }
  for (; j < columns; j += lanes) add_rows_at(rows, j, std::min(lanes, columns - j), y);
}

template <class W>
void add_outputs(const float* hidden, const W* units, const uint32_t* choice, size_t blocks,
                 size_t n, size_t d, size_t begin, size_t end, float* y) {
  Rows<W> rows;
  Rows<W> ahead;
  for (size_t b = 0; b < blocks; ++b) {
    if (hidden[b] == 0.0f) continue;
    ahead.hidden[ahead.count] = hidden[b];
    ahead.row[ahead.count] = chosen_row(units, choice, b, n, d, 1) + begin;
    if (++ahead.count < kTogether) continue;
    add_rows(rows, ahead, end - begin, y + begin);
    rows = ahead;
    ahead.count = 0;
  }
  add_rows(rows, ahead, end - begin, y + begin);
  add_rows(ahead, Rows<W>(), end - begin, y + begin);
}

void add_chosen_outputs(const float* hidden, WeightView units, const uint32_t* choice,
                        size_t blocks, size_t n, size_t d, size_t begin, size_t end, float* y) {
  if (units.dtype == DType::bf16) {
    add_outputs(hidden, bf16_of(units), choice, blocks, n, d, begin, end, y);
  } else {
    add_outputs(hidden, f32_of(units), choice, blocks, n, d, begin, end, y);
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(choose_units);
HWY_EXPORT(chosen_hidden);
HWY_EXPORT(add_chosen_outputs);

void choose_units(const float* low, WeightView up, const float* bias, size_t blocks, size_t rank,
                  size_t n, uint32_t* choice) {
  HWY_DYNAMIC_DISPATCH(choose_units)(low, up, bias, blocks, rank, n, choice);
}

void chosen_hidden(const float* x, WeightView units, const uint32_t* choice, size_t blocks,
                   size_t n, size_t d, float* hidden) {
  HWY_DYNAMIC_DISPATCH(chosen_hidden)(x, units, choice, blocks, n, d, hidden);
}

void add_chosen_outputs(const float* hidden, WeightView units, const uint32_t* choice,
                        size_t blocks, size_t n, size_t d, size_t begin, size_t end, float* y) {
  HWY_DYNAMIC_DISPATCH(add_chosen_outputs)(hidden, units, choice, blocks, n, d, begin, end, y);
}

}  // namespace terse::kernels
#endif
