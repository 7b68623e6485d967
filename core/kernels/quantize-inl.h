// Activations in 8 bits: the largest magnitude of a span becomes 127. Compiled once for each
// instruction set, hence no `#pragma once`.
#if defined(TERSE_CORE_KERNELS_QUANTIZE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TERSE_CORE_KERNELS_QUANTIZE_INL_H_
#undef TERSE_CORE_KERNELS_QUANTIZE_INL_H_
#else
#define TERSE_CORE_KERNELS_QUANTIZE_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "core/kernels/quantize.h"
#include "core/kernels/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

// Below this a span counts as zero: the reciprocal of its scale would overflow.
constexpr float kSmallest = 1e-30f;
// Groups whose sums are folded together.
constexpr size_t kTogether = 4;
// Lanes of a vector that one group fills, and vectors of a group.
constexpr size_t kLanes = hn::MaxLanes(Floats()) < kGroup ? hn::MaxLanes(Floats()) : kGroup;
constexpr size_t kVectors = kGroup / kLanes;
// Added to a float, it rounds to the nearest even integer, which then stands in the lowest bits.
constexpr float kRounding = 0x1.8p23f;
constexpr uint32_t kRoundingBits = 0x4b400000;

/// The lowest byte of each lane.
HWY_INLINE auto lowest_bytes(FloatVec v) {
#if HWY_TARGET <= HWY_AVX3
  // Highway 1.0 has this as TruncateTo(), which takes other bytes on AVX3_DL.
  return hn::Vec<hn::Rebind<uint8_t, Floats>>{_mm512_cvtepi32_epi8(_mm512_castps_si512(v.raw))};
#else
  return hn::TruncateTo(hn::Rebind<uint8_t, Floats>(),
                        hn::BitCast(hn::RebindToUnsigned<Floats>(), v));
#endif
}

/// The vector of x that begins at value i of n, filled up with zeros.
HWY_INLINE FloatVec values_at(const float* x, size_t i, size_t n) {
  if (i + kLanes <= n) return hn::LoadU(Floats(), x + i);
  return load_part(Floats(), x + std::min(i, n), i < n ? n - i : 0);
}

/// What a span is divided by, and its reciprocal; both 0 of a span of zeros, and NaN of one with a
/// value that is not finite.
struct SpanScale {
  float scale;
  float inverse;
};
HWY_INLINE SpanScale span_scale(float magnitude, float steps) {
  if (magnitude < kSmallest) return {0.0f, 0.0f};
  const float nan_if_not_finite = magnitude - magnitude;
  return {magnitude / steps + nan_if_not_finite, steps / magnitude + nan_if_not_finite};
}

/// totals[0 .. kTogether) = the lanes of as many vectors of integers, summed; they stand in floats.
HWY_INLINE void total_lanes(const FloatVec (&lanes)[kTogether], int32_t* totals) {
  float bits[kTogether];
  fold_lanes(AddBits(), lanes[0], lanes[1], lanes[2], lanes[3], bits);
  std::memcpy(totals, bits, sizeof(bits));
}

/// The scale of a span of some groups; and their sums become what is left of the span from each on.
HWY_INLINE void finish_span(size_t groups, float scale, const QuantizedGroups& out) {
  std::fill_n(out.scales, groups, scale);
  // The values of a span that is not finite mean nothing.
  if (scale != scale) std::fill_n(out.sums, groups, 0);
  for (size_t g = groups - 1; g > 0; --g) out.sums[g - 1] += out.sums[g];
}

/// One span of n values.
HWY_INLINE void quantize_span(const float* x, size_t n, const QuantizedGroups& out) {
  const Floats d;
  const hn::Rebind<uint8_t, Floats> db;
  auto* values = reinterpret_cast<uint8_t*>(out.values);
  const auto [scale, inverse] = span_scale(largest_magnitude(x, n), 127.0f);
  const size_t groups = groups_of(n);
  for (size_t g = 0; g < groups; g += kTogether) {
    const size_t count = std::min(kTogether, groups - g);
    FloatVec sums[kTogether];  // of integers, each with the rounding bits
    for (size_t c = 0; c < kTogether; ++c) {
      sums[c] = hn::Zero(d);
      if (c >= count) continue;
      for (size_t v = 0; v < kVectors; ++v) {
        const size_t i = (g + c) * kGroup + v * kLanes;
        const FloatVec rounded =
            hn::MulAdd(values_at(x, i, n), hn::Set(d, inverse), hn::Set(d, kRounding));
        sums[c] = AddBits()(sums[c], rounded);
        hn::StoreU(lowest_bytes(rounded), db, values + i);
      }
    }
    int32_t totals[kTogether];
    total_lanes(sums, totals);
    for (size_t c = 0; c < count; ++c) {
      out.sums[g + c] = totals[c] - int32_t(kGroup * kRoundingBits);
    }
  }
  finish_span(groups, scale, out);
}

constexpr size_t kShortLanes = hn::MaxLanes(Shorts()) < kGroup ? hn::MaxLanes(Shorts()) : kGroup;
constexpr size_t kShortVectors = kGroup / kShortLanes;

constexpr size_t kSpanVectors = kMostSpan * kShortVectors;

#if HWY_TARGET == HWY_SCALAR
HWY_INLINE void largest_lanes(const ShortVec* v, int32_t* largest) {
  for (size_t i = 0; i < kTogether; ++i) largest[i] = hn::GetLane(v[i]);
}
HWY_INLINE void totals_of_lanes(const ShortVec* v, int32_t* totals) {
  for (size_t i = 0; i < kTogether; ++i) totals[i] = hn::GetLane(v[i]);
}
#else
/// The largest lane of each of kTogether vectors, none of them negative.
HWY_INLINE void largest_lanes(const ShortVec* v, int32_t* largest) {
  const hn::RebindToSigned<Floats> di;
  FloatVec pairs[kTogether];
  unrolled<kTogether>([&](auto i) TERSE_INLINED {
    const auto both = hn::BitCast(di, v[i]);
    const auto low = hn::And(both, hn::Set(di, 0xffff));
    pairs[i] = hn::BitCast(Floats(), hn::Max(low, hn::ShiftRight<16>(both)));
  });
  float bits[kTogether];
  fold_lanes(MaxBits(), pairs[0], pairs[1], pairs[2], pairs[3], bits);
  std::memcpy(largest, bits, sizeof(bits));
}
/// The sum of the lanes of each of kTogether vectors.
HWY_INLINE void totals_of_lanes(const ShortVec* v, int32_t* totals) {
  const hn::RebindToSigned<Floats> di;
  FloatVec pairs[kTogether];
  unrolled<kTogether>([&](auto i) TERSE_INLINED {
    auto odd = hn::Zero(di);
    const auto even =
        hn::ReorderWidenMulAccumulate(di, v[i], hn::Set(Shorts(), 1), hn::Zero(di), odd);
    pairs[i] = hn::BitCast(Floats(), hn::Add(even, odd));
  });
  total_lanes(pairs, totals);
}
#endif

/// Stores two vectors of numbers that fit into bytes.
HWY_INLINE void store_bytes(ShortVec first, ShortVec second, int8_t* to) {
#if HWY_TARGET <= HWY_AVX3
  // Both with two instructions; Highway demotes each by itself.
  const auto order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
  const auto mixed = _mm512_packs_epi16(first.raw, second.raw);
  _mm512_storeu_si512(to, _mm512_permutexvar_epi64(order, mixed));
#else
  const hn::Rebind<int8_t, Shorts> d;
  hn::StoreU(hn::DemoteTo(d, first), d, to);
  hn::StoreU(hn::DemoteTo(d, second), d, to + kShortLanes);
#endif
}
HWY_INLINE void store_bytes(ShortVec v, int8_t* to) {
  const hn::Rebind<int8_t, Shorts> d;
  hn::StoreU(hn::DemoteTo(d, v), d, to);
}

/// Which of a span's sums are stored: those of all groups, with all scales; or the first alone,
/// with the first scale, which is all that products read that never stop within a span.
enum class SpanSums { of_groups, first };
constexpr SpanSums kFirstSum = kSpanVectors * 127 < 32768 ? SpanSums::first : SpanSums::of_groups;

/// A span of a row to be gated; x has 9 bits and a sign.
struct GatedSpan {
  size_t groups;
  GateInput x;
  Int8Row gates;
  QuantizedGroups out;

  /// products[i] = x[i] * gates[i], below 2^15: 255 * 128. Returns the largest magnitudes.
  HWY_INLINE ShortVec multiply(int16_t* products) const {
    const Shorts d;
    const hn::Rebind<int8_t, Shorts> db;
    const hn::Rebind<uint8_t, Shorts> du;
    // Copies: for all that the compiler knows, the products are stored into this span.
    const int16_t* const values = x.values;
    const uint8_t* const bytes = gates.bytes;
    const size_t n = groups * kGroup;
    ShortVec most = hn::Zero(d);
    for (size_t i = 0; i < n; i += kShortLanes) {
      const auto gate = hn::Xor(hn::LoadU(du, bytes + i), hn::Set(du, 0x80));
      const ShortVec product =
          hn::Mul(hn::LoadU(d, values + i), hn::PromoteTo(d, hn::BitCast(db, gate)));
      hn::Store(product, d, products + i);
      most = hn::Max(most, hn::Abs(product));
    }
    return most;
  }

  /// The products times factor / 2^15, as bytes. Returns lanes that make up their sum, unless those
  /// of all groups are stored.
  template <SpanSums kSums>
  HWY_INLINE ShortVec quantize(const int16_t* products, int16_t factor) const {
    const QuantizedGroups to = out;
    const size_t n = groups;
    ShortVec total = hn::Zero(Shorts());
    const auto add = [&](size_t g, auto count) TERSE_INLINED {
      ShortVec sums[kTogether];
      quantize_groups<count>(products + g * kGroup, factor, to.values + g * kGroup, sums);
      if constexpr (kSums == SpanSums::of_groups) {
        int32_t totals[kTogether];
        totals_of_lanes(sums, totals);
        std::copy_n(totals, size_t{count}, to.sums + g);
      } else {
        unrolled<kTogether>([&](auto c) TERSE_INLINED { total = hn::Add(total, sums[c]); });
      }
    };
    size_t g = 0;
    for (; g + kTogether <= n; g += kTogether) add(g, std::integral_constant<size_t, kTogether>());
    for (; g < n; ++g) add(g, std::integral_constant<size_t, 1>());
    return total;
  }

 private:
  /// sums[c]: lanes that make up the sum of group c.
  template <size_t kGroups>
  static HWY_INLINE void quantize_groups(const int16_t* products, int16_t factor, int8_t* to,
                                         ShortVec (&sums)[kTogether]) {
    const Shorts d;
    constexpr size_t n = kGroups * kShortVectors;
    ShortVec q[n];
    unrolled<n>([&](auto v) TERSE_INLINED {
      q[v] = hn::MulFixedPoint15(hn::Load(d, products + v * kShortLanes), hn::Set(d, factor));
    });
    unrolled<n / 2>([&](auto i) TERSE_INLINED {
      store_bytes(q[2 * i], q[2 * i + 1], to + 2 * i * kShortLanes);
    });
    if constexpr (n % 2 != 0) store_bytes(q[n - 1], to + (n - 1) * kShortLanes);
    unrolled<kTogether>([&](auto c) TERSE_INLINED {
      sums[c] = hn::Zero(d);
      if constexpr (c < kGroups) {
        unrolled<kShortVectors>(
            [&](auto v) TERSE_INLINED { sums[c] = hn::Add(sums[c], q[c * kShortVectors + v]); });
      }
    });
  }
};

/// Spans that are gated together, so that none waits for its scale.
constexpr size_t kSpansTogether = 8;

/// What products of 16 bits are multiplied by to be 127 at most, in 2^-15; whole.
HWY_INLINE void gated_factors(const int32_t (&magnitudes)[kSpansTogether],
                              float (&factors)[kSpansTogether]) {
  const hn::CappedTag<float, kTogether> d;
  const hn::RebindToSigned<decltype(d)> di;
  for (size_t s = 0; s < kSpansTogether; s += hn::Lanes(d)) {
    const auto magnitude = hn::ConvertTo(d, hn::LoadU(di, magnitudes + s));
    const auto factor = hn::Div(hn::Set(d, 127.0f * 32768.0f), magnitude);
    hn::StoreU(hn::Floor(hn::Min(factor, hn::Set(d, 32767.0f))), d, factors + s);
  }
}

/// `count` spans, which next() returns one after the other.
template <SpanSums kSums, class Next>
HWY_INLINE void quantize_gated_spans(size_t count, const Next& next) {
  HWY_ALIGN int16_t products[kSpansTogether][kMostSpan * kGroup];
  GatedSpan spans[kSpansTogether];
  ShortVec lanes[kSpansTogether];
  int32_t numbers[kSpansTogether] = {};
  float factors[kSpansTogether];
  for (size_t i = 0; i < count; i += kSpansTogether) {
    const size_t some = std::min(kSpansTogether, count - i);
    std::fill_n(lanes, kSpansTogether, hn::Zero(Shorts()));
    for (size_t s = 0; s < some; ++s) {
      spans[s] = next();
      lanes[s] = spans[s].multiply(products[s]);
    }
    for (size_t s = 0; s < some; s += kTogether) largest_lanes(lanes + s, numbers + s);
    gated_factors(numbers, factors);
    for (size_t s = 0; s < some; ++s) {
      lanes[s] = spans[s].template quantize<kSums>(products[s], int16_t(factors[s]));
    }
    for (size_t s = 0; s < some && kSums == SpanSums::first; s += kTogether) {
      totals_of_lanes(lanes + s, numbers + s);
    }
    for (size_t s = 0; s < some; ++s) {
      const auto& [groups, x, gates, out] = spans[s];
      const float scale = 32768.0f * gates.scale / factors[s] * x.scales[0];
      if constexpr (kSums == SpanSums::of_groups) {
        finish_span(groups, scale, out);
      } else {
        out.scales[0] = scale;
        out.sums[0] = numbers[s];
      }
    }
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
