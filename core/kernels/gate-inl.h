// Activations times gates, in 8 bits: products of 16 bits, span by span, of which the largest
// becomes 127. Compiled once for each instruction set, hence no `#pragma once`.
#if defined(TERSE_CORE_KERNELS_GATE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TERSE_CORE_KERNELS_GATE_INL_H_
#undef TERSE_CORE_KERNELS_GATE_INL_H_
#else
#define TERSE_CORE_KERNELS_GATE_INL_H_
#endif

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "core/kernels/quantize-inl.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

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
