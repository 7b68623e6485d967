// Products of quantised activations with panels of quantised weights (core/packing.h): sums of
// integer products within a group, exact on every instruction set, then a float sum over the groups
// in ascending order. Compiled once for each instruction set, hence no `#pragma once`.
#if defined(TERSE_CORE_KERNELS_PANEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TERSE_CORE_KERNELS_PANEL_INL_H_
#undef TERSE_CORE_KERNELS_PANEL_INL_H_
#else
#define TERSE_CORE_KERNELS_PANEL_INL_H_
#endif

#include <algorithm>

#include "core/kernels/quantize.h"
#include "core/kernels/read_ahead.h"
#include "core/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

using Ints = hn::Rebind<int32_t, Floats>;
using IntVec = hn::Vec<Ints>;

#if HWY_TARGET == HWY_SCALAR
// A vector is one float here, so its four bytes are loaded as an array.
struct Word {
  uint8_t bytes[4];
};
HWY_INLINE Word load_word(const uint8_t* p) {
  return {{p[0], p[1], p[2], p[3]}};
}
HWY_INLINE Word low_nibbles(Word w) {
  for (uint8_t& byte : w.bytes) byte &= 15;
  return w;
}
HWY_INLINE Word high_nibbles(Word w) {
  for (uint8_t& byte : w.bytes) byte = uint8_t(byte >> 4);
  return w;
}
HWY_INLINE Word bytes_of_all(uint8_t value) {
  return {{value, value, value, value}};
}
using Terms = const int8_t*;
HWY_INLINE Terms load_terms(const int8_t* x) {
  return x;
}
HWY_INLINE Terms load_term_vector(const int8_t* x) {
  return x;
}
HWY_INLINE IntVec add_products(IntVec sums, Word w, Terms x) {
  int32_t sum = hn::GetLane(sums);
  for (size_t i = 0; i < 4; ++i) sum += int32_t{w.bytes[i]} * x[i];
  return hn::Set(Ints(), sum);
}
#else
using Bytes = hn::Repartition<uint8_t, Floats>;
using ByteVec = hn::Vec<Bytes>;

HWY_INLINE ByteVec load_word(const uint8_t* p) {
  return hn::LoadU(Bytes(), p);
}
HWY_INLINE ByteVec bytes_of_all(uint8_t value) {
  return hn::Set(Bytes(), value);
}
HWY_INLINE ByteVec low_nibbles(ByteVec w) {
  return hn::And(w, hn::Set(Bytes(), 15));
}
HWY_INLINE ByteVec high_nibbles(ByteVec w) {
  const hn::Repartition<uint16_t, Floats> d16;
  return low_nibbles(hn::BitCast(Bytes(), hn::ShiftRight<4>(hn::BitCast(d16, w))));
}

// Four terms of x, in the form that add_products() takes: the same in all lanes.
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL
using Terms = IntVec;
// By an instruction of its own: as an operand of every product they are loaded anew each time, and
// processors that begin two products a cycle wait for the loads.
HWY_INLINE Terms load_terms(const int8_t* x) {
  Terms terms;
  asm("vpbroadcastd %1, %0" : "=v"(terms.raw) : "m"(*reinterpret_cast<const int8_t(*)[4]>(x)));
  return terms;
}
/// A vector of terms, four for each lane.
HWY_INLINE IntVec load_term_vector(const int8_t* x) {
  return hn::BitCast(Ints(), hn::LoadU(hn::Repartition<int8_t, Floats>(), x));
}
// Highway 1.0 knows the processor to have this instruction, but not the instruction.
/// sums[lane] += sum_i w[4 lane + i] * x[i]    over i < 4
HWY_INLINE IntVec add_products(IntVec sums, ByteVec w, IntVec x) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sums.raw) : "v"(w.raw), "v"(x.raw));
  return sums;
}
#else
using Pairs = hn::Repartition<int16_t, Floats>;
struct Terms {
  hn::Vec<Pairs> even, odd;
};
HWY_INLINE hn::Vec<Pairs> pair_of(int8_t first, int8_t second) {
  const auto bits = uint32_t(uint16_t(int16_t{first})) | uint32_t(uint16_t(int16_t{second})) << 16;
  return hn::BitCast(Pairs(), hn::Set(Ints(), int32_t(bits)));
}
HWY_INLINE Terms load_terms(const int8_t* x) {
  return {pair_of(x[0], x[2]), pair_of(x[1], x[3])};
}
HWY_INLINE Terms load_term_vector(const int8_t* x) {
  const auto pairs = hn::BitCast(Pairs(), hn::LoadU(hn::Repartition<int8_t, Floats>(), x));
  return {hn::ShiftRight<8>(hn::ShiftLeft<8>(pairs)), hn::ShiftRight<8>(pairs)};
}
/// sums[lane] += sum_i w[4 lane + i] * x[i]    over i < 4: even and odd bytes as 16-bit numbers
HWY_INLINE IntVec add_products(IntVec sums, ByteVec w, const Terms& x) {
  const hn::Repartition<uint16_t, Floats> d16;
  const auto pairs = hn::BitCast(d16, w);
  const auto even = hn::BitCast(Pairs(), hn::And(pairs, hn::Set(d16, 0x00ff)));
  const auto odd = hn::BitCast(Pairs(), hn::ShiftRight<8>(pairs));
  IntVec unused = hn::Zero(Ints());
  sums = hn::ReorderWidenMulAccumulate(Ints(), even, x.even, sums, unused);
  return hn::ReorderWidenMulAccumulate(Ints(), odd, x.odd, sums, unused);
}
#endif
#endif

/// Vectors that make up a panel's 16 outputs.
constexpr size_t kSlices =
    kPanel / (hn::MaxLanes(Floats()) < kPanel ? hn::MaxLanes(Floats()) : kPanel);

/// One vector of a panel's outputs, of 8-bit weights.
struct Int8Slice {
  static constexpr DType kType = DType::int8;
  static constexpr bool kScaledByGroup = false;
  static constexpr int kMiddleBits = 7;
  const float* scales = nullptr;    // of the slice's outputs
  const uint8_t* values = nullptr;  // steps of 4 terms, 64 bytes apart

  Int8Slice() = default;
  Int8Slice(const std::byte* panel, size_t slice, size_t k)
      : scales(reinterpret_cast<const float*>(panel) + slice * hn::Lanes(Floats())),
        values(reinterpret_cast<const uint8_t*>(panel) + panel_scale_bytes(DType::int8, k) +
               slice * 4 * hn::Lanes(Floats())) {}

  static constexpr size_t kStepsInVector = 1;
  static constexpr size_t kVectorsInGroup = kGroup / 4;
  const uint8_t* address(size_t g, size_t v) const {
    return values + (g * kVectorsInGroup + v) * 4 * kPanel;
  }
  auto vector(size_t g, size_t v) const { return load_word(address(g, v)); }
  FloatVec group_scale(size_t, float x_scale) const { return hn::Set(Floats(), x_scale); }
  FloatVec finish(FloatVec sum) const { return hn::Mul(sum, hn::LoadU(Floats(), scales)); }
};

/// One vector of a panel's outputs, of 4-bit weights.
struct Int4Slice {
  static constexpr DType kType = DType::int4;
  static constexpr bool kScaledByGroup = true;
  static constexpr int kMiddleBits = 3;
  const uint16_t* scales = nullptr;  // bfloat16, [groups, 16]
  const uint8_t* values = nullptr;   // pairs of steps, 64 bytes apart

  Int4Slice() = default;
  Int4Slice(const std::byte* panel, size_t slice, size_t k)
      : scales(reinterpret_cast<const uint16_t*>(panel) + slice * hn::Lanes(Floats())),
        values(reinterpret_cast<const uint8_t*>(panel) + panel_scale_bytes(DType::int4, k) +
               slice * 4 * hn::Lanes(Floats())) {}

  static constexpr size_t kStepsInVector = 2;
  static constexpr size_t kVectorsInGroup = kGroup / 8;
  const uint8_t* address(size_t g, size_t v) const {
    return values + (g * kVectorsInGroup + v) * 4 * kPanel;
  }
  auto vector(size_t g, size_t v) const { return load_word(address(g, v)); }
  FloatVec group_scale(size_t g, float x_scale) const {
    return hn::Mul(load(Floats(), scales + g * kPanel), hn::Set(Floats(), x_scale));
  }
  FloatVec finish(FloatVec sum) const { return sum; }
};

/// products[r][c] += the terms of x that vector v of a group of weights meets. `x`: that group of
/// each row.
template <size_t kRows, size_t kWide, class Slice>
HWY_INLINE void add_vector(const int8_t* const (&x)[kRows], const Slice (&slices)[kWide],
                           size_t weight_group, size_t v, IntVec (&products)[kRows][kWide]) {
  const auto terms = [&](size_t r, size_t step) {
    return load_terms(x[r] + (v * Slice::kStepsInVector + step) * 4);
  };
  unrolled<kRows>([&](auto r) TERSE_INLINED {
    const Terms first = terms(r, 0);
    unrolled<kWide>([&](auto c) TERSE_INLINED {
      const auto w = slices[c].vector(weight_group, v);
      if constexpr (Slice::kStepsInVector == 1) {
        products[r][c] = add_products(products[r][c], w, first);
      } else {
        products[r][c] = add_products(products[r][c], low_nibbles(w), first);
      }
    });
    if constexpr (Slice::kStepsInVector == 2) {
      const Terms second = terms(r, 1);
      unrolled<kWide>([&](auto c) TERSE_INLINED {
        const auto w = slices[c].vector(weight_group, v);
        products[r][c] = add_products(products[r][c], high_nibbles(w), second);
      });
    }
  });
}

/// What is asked for at each group of a product.
struct AskedFor {
  size_t ahead = 0;  // so many bytes before they are read: the product's weights, line by line
  PacedReads next;   // of the same product
  PacedReads block;  // of its rows
  PacedReads later;  // of what comes after it

  HWY_INLINE void step() {
    next.step();
    block.step();
    later.step();
  }
};

/// Groups of the sum over k: those from `begin` to `end`, of all taps together.
struct GroupRange {
  size_t begin;
  size_t end;
};

/// Groups that share all scales: they need not leave the integers.
struct Span {
  size_t x;       // the first, counted from that of its row
  bool ends;      // its scale covers no group behind
  GroupRange of;  // which groups of the sum they are
};

/// visit(span) for the spans of a range of whole ones, in ascending order; the rows of x begin with
/// group `x_from` of the sum.
template <class Slice, class Visit>
HWY_INLINE void for_each_span(const QuantizedRows& x, size_t x_from, GroupRange range,
                              const Visit& visit) {
  size_t tap = 0;
  size_t g = range.begin - x_from;
  if (g >= x.groups) {  // divisions take long
    tap = g / x.groups;
    g %= x.groups;
  }
  size_t left = 0;  // of the span
  for (size_t begin = range.begin; begin < range.end;) {
    if (left == 0) left = std::min({x.span, x.groups - g, range.end - begin});
    const size_t count = Slice::kScaledByGroup ? 1 : left;
    visit(Span{tap * x.tap_stride + g, count == left, {begin, begin + count}});
    begin += count;
    g += count;
    left -= count;
    if (g == x.groups) {
      g = 0;
      ++tap;
    }
  }
}

/// products[r][c] = <x row r, weights of slice c> over a span, in integers. `base`: the first group
/// of each row of x.
template <size_t kRows, size_t kWide, class Slice>
HWY_INLINE void span_products(const QuantizedRows& x, const size_t (&base)[kRows], const Span& span,
                              const Slice (&slices)[kWide], AskedFor& asked,
                              IntVec (&products)[kRows][kWide]) {
  const int8_t* rows[kRows];
  unrolled<kRows>([&](auto r) TERSE_INLINED {
    const size_t first = base[r] + span.x;
    rows[r] = x.values + first * kGroup;
    const int32_t sum = x.sums[first] - (span.ends ? 0 : x.sums[first + 1]);
    const auto start = hn::Set(Ints(), -(sum << Slice::kMiddleBits));
    unrolled<kWide>([&](auto c) TERSE_INLINED { products[r][c] = start; });
  });
  for (size_t g = span.of.begin; g < span.of.end; ++g) {
    asked.step();
    for (size_t v = 0; v < Slice::kVectorsInGroup; ++v) {
      // Line by line: many requests at once hold up the loads behind them.
      if (asked.ahead > 0) {
        unrolled<kWide>(
            [&](auto c) TERSE_INLINED { prefetch_near(slices[c].address(g, v) + asked.ahead); });
      }
      add_vector(rows, slices, g, v, products);
    }
    unrolled<kRows>([&](auto r) TERSE_INLINED { rows[r] += kGroup; });
  }
}

/// sum + product * scale, for a vector of the products of a span.
template <class Slice>
HWY_INLINE FloatVec add_span(FloatVec sum, IntVec product, const Slice& slice, const Span& span,
                             float x_scale) {
  const FloatVec scale = slice.group_scale(span.of.begin, x_scale);
  return hn::MulAdd(hn::ConvertTo(Floats(), product), scale, sum);
}

/// sums[r][c] += <x row r, weights of slice c> over a range of whole spans, in ascending order;
/// scaled by finish() at the end of the last range.
template <size_t kRows, size_t kWide, class Slice>
HWY_INLINE void panel_products(const QuantizedRows& x, const size_t (&base)[kRows], size_t x_from,
                               const Slice (&slices)[kWide], GroupRange range, AskedFor& asked,
                               FloatVec (&sums)[kRows][kWide]) {
  for_each_span<Slice>(x, x_from, range, [&](const Span& span) TERSE_INLINED {
    IntVec products[kRows][kWide];
    span_products(x, base, span, slices, asked, products);
    unrolled<kWide>([&](auto c) TERSE_INLINED {
      unrolled<kRows>([&](auto r) TERSE_INLINED {
        const float x_scale = x.scales[base[r] + span.x];
        sums[r][c] = add_span(sums[r][c], products[r][c], slices[c], span, x_scale);
      });
    });
  });
}

/// sums[r][c] = <x row r, weights of slice c>, over all groups. Asks for what lies `ahead` bytes
/// behind the weights, for nothing if that is 0.
template <size_t kRows, size_t kWide, class Slice>
HWY_INLINE void panel_products(const QuantizedRows& x, const size_t (&base)[kRows],
                               const Slice (&slices)[kWide], size_t ahead,
                               FloatVec (&sums)[kRows][kWide]) {
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t c = 0; c < kWide; ++c) sums[r][c] = hn::Zero(Floats());
  }
  AskedFor asked;
  asked.ahead = ahead;
  panel_products(x, base, 0, slices, {0, x.taps * x.groups}, asked, sums);
  for (size_t c = 0; c < kWide; ++c) {
    for (size_t r = 0; r < kRows; ++r) sums[r][c] = slices[c].finish(sums[r][c]);
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
