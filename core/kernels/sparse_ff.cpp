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
#include "core/kernels/panel-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

/// The first of the largest logits that have been seen; NaN never wins.
class Choice {
 public:
  void see(const float* logits, size_t count) {
    const size_t index = first_of_largest(logits, count);
    const float logit = logits[index];
    if (logit > best_ || (std::isnan(best_) && !std::isnan(logit))) {
      best_ = logit;
      unit_ = seen_ + index;
    }
    seen_ += count;
  }
  uint32_t unit() const { return static_cast<uint32_t>(unit_); }
  size_t seen() const { return seen_; }

 private:
  float best_ = std::numeric_limits<float>::quiet_NaN();
  size_t unit_ = 0;
  size_t seen_ = 0;
};

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

// How far ahead of the controller's weights the next ones are asked for, at least: the hardware
// alone begins anew at every page.
constexpr size_t kAskAhead = 8 * 1024;

/// At the first of `left` blocks of so many bytes each: asks for a later one.
HWY_INLINE void ask_for_block(const void* block, size_t bytes, size_t left) {
  const size_t ahead = kAskAhead / bytes + 1;
  if (ahead >= left) return;
  ReadAhead later(static_cast<const std::byte*>(block) + ahead * bytes, bytes);
  later.ask(later.lines());
}

template <class W>
void choose(const float* low, const W* up, const float* bias, size_t blocks, size_t rank, size_t n,
            uint32_t* choice) {
  HWY_ALIGN float logits[kColumnVectors * hn::MaxLanes(Floats())];
  for (size_t b = 0; b < blocks; ++b) {
    ask_for_block(up + b * rank * n, rank * n * sizeof(W), blocks - b);
    Choice best;
    while (best.seen() < n) {
      best.see(logits, next_logits<kColumnVectors>(low, up + b * rank * n, bias + b * n, rank, n,
                                                   best.seen(), logits));
    }
    choice[b] = best.unit();
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

// Vectors of logits whose products are summed side by side, and those that are seen at once.
constexpr size_t kWide = 4;
constexpr size_t kSeen = 16;

template <class Slice>
void choose_quantized(const QuantizedRows& low, const std::byte* up, const float* bias,
                      size_t blocks, size_t n, uint32_t* choice) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const size_t k = low.groups * kGroup;
  const size_t last = (n - 1) / lanes;
  const size_t base[1] = {low.group_of(0)};
  HWY_ALIGN float logits[kSeen * hn::MaxLanes(d)];
  const size_t block_bytes = round_up(n, kPanel) / kPanel * panel_bytes(Slice::kType, k);
  const size_t blocks_ahead = kAskAhead / block_bytes + 1;
  for (size_t b = 0; b < blocks; ++b, up += block_bytes) {
    const size_t ahead = b + blocks_ahead < blocks ? blocks_ahead * block_bytes : 0;
    Choice best;
    while (best.seen() < n) {
      const size_t first = best.seen() / lanes;
      for (size_t v = first; v <= std::min(first + kSeen - 1, last); v += kWide) {
        const auto slice = [&](size_t c) {
          const size_t vector = std::min(v + c, last);
          return Slice(up + vector / kSlices * panel_bytes(Slice::kType, k), vector % kSlices, k);
        };
        const Slice slices[kWide] = {slice(0), slice(1), slice(2), slice(3)};
        FloatVec sums[1][kWide];
        panel_products(low, base, slices, ahead, sums);
        for (size_t c = 0; c < kWide && v + c <= last; ++c) {
          const size_t e = (v + c) * lanes;
          const FloatVec biases = load_part(d, bias + b * n + e, std::min(lanes, n - e));
          hn::Store(hn::Add(biases, sums[0][c]), d, logits + (v + c - first) * lanes);
        }
      }
      best.see(logits, std::min(kSeen * lanes, n - best.seen()));
    }
    choice[b] = best.unit();
  }
}

void choose_units_quantized(const QuantizedRows& low, WeightView up, const float* bias,
                            size_t blocks, size_t n, uint32_t* choice) {
  if (up.dtype == DType::int8) {
    choose_quantized<Int8Slice>(low, up.data, bias, blocks, n, choice);
  } else {
    choose_quantized<Int4Slice>(low, up.data, bias, blocks, n, choice);
  }
}

// Rows that are read side by side, while the next as many are prefetched.
constexpr size_t kTogether = 8;

/// Of the units [blocks, n, 2, d], the first (side 0) or second (side 1) row that block b chose.
HWY_INLINE size_t chosen_row(const uint32_t* choice, size_t b, size_t n, size_t side) {
  return (b * n + choice[b]) * 2 + side;
}

/// Asks for a row of d values.
template <class Row>
HWY_INLINE void prefetch_row(const Row& row, size_t d) {
  for (size_t j = 0; j < d; j += LineOf<Row>::kValues) prefetch_line(address_of(row + j));
}

/// The first rows of the chosen units, kTogether at a time: dots(rows, ahead, sums) makes the sums
/// of some rows and asks for those that come next.
template <class Rows, class Dots>
HWY_INLINE void hidden_of(const Rows& units, const uint32_t* choice, size_t blocks, size_t known,
                          size_t n, size_t d, const Dots& dots, float* hidden) {
  using Row = decltype(units[0]);
  // The rows of kTogether blocks from b on; the last block again where there are no more.
  const auto row = [&](size_t b, size_t end) {
    return units[chosen_row(choice, std::min(b, end - 1), n, 0)];
  };
  for (size_t b = 0; b < blocks; b += kTogether) {
    Row rows[kTogether];
    Row ahead[kTogether];
    for (size_t c = 0; c < kTogether; ++c) {
      rows[c] = row(b + c, blocks);
      ahead[c] = row(b + kTogether + c, known);
    }
    float sums[1][kTogether];
    dots(rows, ahead, sums);
    for (size_t c = 0; c < std::min(kTogether, blocks - b); ++c) {
      // Where the sum is not positive, not a maximum, so that NaN stays NaN.
      hidden[b + c] = sums[0][c] <= 0.0f ? 0.0f : sums[0][c];
      if (hidden[b + c] != 0.0f) prefetch_row(units[chosen_row(choice, b + c, n, 1)], d);
    }
  }
}

template <class Rows>
void hidden_of_floats(const float* x, const Rows& units, const uint32_t* choice, size_t blocks,
                      size_t known, size_t n, size_t d, float* hidden) {
  const auto dots = [&](const auto& rows, const auto& ahead, auto& sums) {
    dot_tile(x, 0, rows, d, sums, [&](size_t p) {
      for (const auto& row : ahead) prefetch_line(address_of(row + p));
    });
  };
  hidden_of(units, choice, blocks, known, n, d, dots, hidden);
}

void chosen_hidden(const float* x, WeightView units, const uint32_t* choice, size_t blocks,
                   size_t known, size_t n, size_t d, float* hidden) {
  with_rows(units, d, [&](const auto& rows) {
    hidden_of_floats(x, rows, choice, blocks, known, n, d, hidden);
  });
}

/// The scale of each lane when a vector of bytes begins at value i. Beyond `groups`, 0.
HWY_INLINE FloatVec scales_from(const float* scales, size_t i, size_t groups) {
  const Floats d;
  const size_t g = i / kGroup;
  constexpr size_t kLanesOfGroup = kGroup / 4;
  const FloatVec first = hn::Set(d, scales[g]);
  if constexpr (hn::MaxLanes(Floats()) <= kLanesOfGroup) return first;
  const FloatVec second = hn::Set(d, g + 1 < groups ? scales[g + 1] : 0.0f);
  return hn::IfThenElse(hn::FirstN(d, kLanesOfGroup), first, second);
}

/// sums[0][c] = <x, rows[c]>, with integer products. x: one row.
HWY_INLINE void dot_bytes(const QuantizedRows& x, const Int8Row (&rows)[kTogether],
                          const Int8Row (&ahead)[kTogether], float (&sums)[1][kTogether]) {
  const Floats d;
  const size_t step = 4 * hn::Lanes(d);
  constexpr size_t kMostStep = 4 * hn::MaxLanes(Floats());
  const size_t terms = x.groups * kGroup;
  FloatVec totals[kTogether];
  for (FloatVec& total : totals) total = hn::Zero(d);
  HWY_ALIGN int8_t last[kMostStep] = {};
  for (size_t i = 0; i < terms; i += step) {
    const int8_t* values = x.values + i;
    if (i + step > terms) {
      std::copy(values, x.values + terms, last);
      values = last;
    }
    const auto factors = load_term_vector(values);
    // What the offset of the weights' bytes adds.
    const IntVec offset = add_products(hn::Zero(Ints()), bytes_of_all(128), factors);
    const IntVec start = hn::Neg(offset);
    const FloatVec scales = scales_from(x.scales, i, x.groups);
    for (size_t c = 0; c < kTogether; ++c) {
      if (i % LineOf<Int8Row>::kValues == 0) prefetch_line(address_of(ahead[c] + i));
      const IntVec products = add_products(start, load_word(rows[c].bytes + i), factors);
      totals[c] = hn::MulAdd(hn::ConvertTo(d, products), scales, totals[c]);
    }
  }
  for (size_t c = 0; c < kTogether; c += 4) {
    sum_lanes(totals[c], totals[c + 1], totals[c + 2], totals[c + 3], &sums[0][c]);
  }
  for (size_t c = 0; c < kTogether; ++c) sums[0][c] *= rows[c].scale;
}

void chosen_hidden_of_bytes(const QuantizedRows& x, WeightView units, const uint32_t* choice,
                            size_t blocks, size_t known, size_t n, size_t d, float* hidden) {
  const auto dots = [&](const auto& rows, const auto& ahead, auto& sums) {
    dot_bytes(x, rows, ahead, sums);
  };
  hidden_of(Int8Rows{units.data, d}, choice, blocks, known, n, d, dots, hidden);
}

/// Some rows to add, each times its hidden value.
template <class Row>
struct Addends {
  size_t count = 0;
  float hidden[kTogether];
  Row row[kTogether];
};

/// y[j] += hidden[0] * row[0][j] + hidden[1] * row[1][j] + ..., in this order, for the first `part`
/// lanes at j
template <class Row>
HWY_INLINE void add_rows_at(const Addends<Row>& rows, size_t j, size_t part, float* y) {
  const Floats d;
  FloatVec sum = load_part(d, y + j, part);
  for (size_t c = 0; c < rows.count; ++c) {
    sum = hn::MulAdd(hn::Set(d, rows.hidden[c]), load_part(d, rows.row[c] + j, part), sum);
  }
  store_part(d, sum, y + j, part);
}

/// Adds the rows to y[0:columns].
template <class Row>
HWY_INLINE void add_rows(const Addends<Row>& rows, size_t columns, float* y) {
  const size_t lanes = hn::Lanes(Floats());
  size_t j = 0;
  for (; j + lanes <= columns; j += lanes) add_rows_at(rows, j, lanes, y);
  if (j < columns) add_rows_at(rows, j, columns - j, y);
}

template <class Rows>
void add_outputs(const float* hidden, const Rows& units, const uint32_t* choice, size_t blocks,
                 size_t n, size_t begin, size_t end, float* y) {
  using Row = decltype(units[0]);
  Addends<Row> rows;
  for (size_t b = 0; b < blocks; ++b) {
    if (hidden[b] == 0.0f) continue;
    rows.hidden[rows.count] = hidden[b];
    rows.row[rows.count] = units[chosen_row(choice, b, n, 1)] + begin;
    if (++rows.count < kTogether) continue;
    add_rows(rows, end - begin, y + begin);
    rows.count = 0;
  }
  add_rows(rows, end - begin, y + begin);
}

void add_chosen_outputs(const float* hidden, WeightView units, const uint32_t* choice,
                        size_t blocks, size_t n, size_t d, size_t begin, size_t end, float* y) {
  with_rows(units, d,
            [&](const auto& rows) { add_outputs(hidden, rows, choice, blocks, n, begin, end, y); });
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(choose_units);
HWY_EXPORT(choose_units_quantized);
HWY_EXPORT(chosen_hidden);
HWY_EXPORT(chosen_hidden_of_bytes);
HWY_EXPORT(add_chosen_outputs);

void choose_units(const float* low, WeightView up, const float* bias, size_t blocks, size_t rank,
                  size_t n, uint32_t* choice) {
  HWY_DYNAMIC_DISPATCH(choose_units)(low, up, bias, blocks, rank, n, choice);
}

void choose_units(const QuantizedRows& low, WeightView up, const float* bias, size_t blocks,
                  size_t n, uint32_t* choice) {
  HWY_DYNAMIC_DISPATCH(choose_units_quantized)(low, up, bias, blocks, n, choice);
}

void chosen_hidden(const float* x, WeightView units, const uint32_t* choice, size_t blocks,
                   size_t known, size_t n, size_t d, float* hidden) {
  HWY_DYNAMIC_DISPATCH(chosen_hidden)(x, units, choice, blocks, known, n, d, hidden);
}

void chosen_hidden(const QuantizedRows& x, WeightView units, const uint32_t* choice, size_t blocks,
                   size_t known, size_t n, size_t d, float* hidden) {
  HWY_DYNAMIC_DISPATCH(chosen_hidden_of_bytes)(x, units, choice, blocks, known, n, d, hidden);
}

void add_chosen_outputs(const float* hidden, WeightView units, const uint32_t* choice,
                        size_t blocks, size_t n, size_t d, size_t begin, size_t end, float* y) {
  HWY_DYNAMIC_DISPATCH(add_chosen_outputs)(hidden, units, choice, blocks, n, d, begin, end, y);
}

}  // namespace terse::kernels
#endif
