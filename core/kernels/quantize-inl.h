// Activations in 8 bits: the largest magnitude of a span becomes 127. Compiled once for each
// instruction set, hence no `#pragma once`.
#if defined(TERSE_CORE_KERNELS_QUANTIZE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TERSE_CORE_KERNELS_QUANTIZE_INL_H_
#undef TERSE_CORE_KERNELS_QUANTIZE_INL_H_
#else
#define TERSE_CORE_KERNELS_QUANTIZE_INL_H_
#endif

#include <algorithm>
#include <cstring>

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

/// sums[0 .. count) = what the sums of groups leave of their span, from each group on; 0 where the
/// scale is NaN.
HWY_INLINE void store_sums_left(const FloatVec (&lanes)[kTogether], float scale, size_t count,
                                int32_t* sums) {
  int32_t totals[kTogether];
  total_lanes(lanes, totals);
#if HWY_TARGET == HWY_SCALAR
  for (size_t g = kTogether - 1; g > 0; --g) totals[g - 1] += totals[g];
  for (size_t g = 0; g < count; ++g) sums[g] = scale == scale ? totals[g] : 0;
#else
  const hn::FixedTag<int32_t, kTogether> d;
  const hn::RebindToFloat<decltype(d)> df;
  auto left = hn::LoadU(d, totals);
  left = hn::Add(left, hn::ShiftRightLanes<1>(d, left));
  left = hn::Add(left, hn::ShiftRightLanes<2>(d, left));
  const auto scales = hn::Set(df, scale);
  left = hn::IfThenElseZero(hn::RebindMask(d, hn::Eq(scales, scales)), left);
  if (count == kTogether) return hn::StoreU(left, d, sums);
  hn::StoreU(left, d, totals);
  std::copy_n(totals, count, sums);
#endif
}

#if HWY_TARGET == HWY_SCALAR
HWY_INLINE FloatVec larger_halves(ShortVec v) {
  return hn::BitCast(Floats(), hn::PromoteTo(hn::ScalableTag<int32_t>(), v));
}
#else
/// The larger of two neighbours, neither negative, as an integer in the place of a float.
HWY_INLINE FloatVec larger_halves(ShortVec v) {
  const hn::ScalableTag<int32_t> di;
  const auto both = hn::BitCast(di, v);
  const auto low = hn::And(both, hn::Set(di, 0xffff));
  return hn::BitCast(Floats(), hn::Max(low, hn::ShiftRight<16>(both)));
}
#endif

/// Spans that are gated together, so that one does not wait for the other's scale.
constexpr size_t kSpansTogether = 4;
constexpr size_t kSpanVectors = kSpan * kShortVectors;

/// What products of 16 bits are multiplied by to be 127 / 2^15 at most, for magnitudes [4].
template <class D>
HWY_INLINE hn::Vec<D> gated_factors(D d, const int32_t* magnitudes) {
  const hn::RebindToSigned<D> di;
  const auto m = hn::ConvertTo(d, hn::LoadU(di, magnitudes));
  const auto factor = hn::Min(hn::Div(hn::Set(d, 127.0f * 32768.0f), m), hn::Set(d, 32767.0f));
  return hn::ConvertTo(d, hn::ConvertTo(di, factor));  // whole
}

/// x: up to kSpansTogether spans of 9 bits and a sign, `groups` in all; what lies behind them in
/// the last span is not read. gates: as many bytes.
template <bool kWhole>
HWY_INLINE void quantize_gated_spans(const GateInput& x, const Int8Row& gates, size_t groups,
                                     const QuantizedGroups& out) {
  const Shorts d;
  const hn::Rebind<int8_t, Shorts> db;
  const hn::Rebind<uint8_t, Shorts> du;
  const hn::ScalableTag<int32_t> di;
  const hn::CappedTag<float, kSpansTogether> d4;
  const auto in_range = [&](size_t vector) { return kWhole || vector / kShortVectors < groups; };

  ShortVec products[kSpansTogether][kSpanVectors];  // below 2^15: 255 * 128
  HWY_ALIGN int32_t magnitudes[kSpansTogether];
  FloatVec largest[kSpansTogether];
  for (size_t s = 0; s < kSpansTogether; ++s) {
    ShortVec most = hn::Zero(d);
    for (size_t v = 0; v < kSpanVectors; ++v) {
      const size_t vector = s * kSpanVectors + v;
      if (!in_range(vector)) break;
      const size_t i = vector * kShortLanes;
      const auto offset = hn::Xor(hn::LoadU(du, gates.bytes + i), hn::Set(du, 0x80));
      products[s][v] =
          hn::Mul(hn::LoadU(d, x.values + i), hn::PromoteTo(d, hn::BitCast(db, offset)));
      most = hn::Max(most, hn::Abs(products[s][v]));
    }
    largest[s] = larger_halves(most);
  }
  float bits[kSpansTogether];
  fold_lanes(MaxBits(), largest[0], largest[1], largest[2], largest[3], bits);
  std::memcpy(magnitudes, bits, sizeof(bits));

  float factors[kSpansTogether], scales[kSpansTogether];
  float x_scales[kSpansTogether] = {};
  std::copy_n(x.scales, kWhole ? kSpansTogether : (groups + kSpan - 1) / kSpan, x_scales);
  for (size_t s = 0; s < kSpansTogether; s += hn::Lanes(d4)) {
    const auto factor = gated_factors(d4, magnitudes + s);
    const auto unit = hn::Div(hn::Set(d4, 32768.0f * gates.scale), factor);
    hn::StoreU(factor, d4, factors + s);
    hn::StoreU(hn::Mul(unit, hn::LoadU(d4, x_scales + s)), d4, scales + s);
  }
  for (size_t s = 0; s < kSpansTogether && in_range(s * kSpanVectors); ++s) {
    const auto factor = hn::Set(d, int16_t(factors[s]));
    const size_t first = s * kSpan;
    FloatVec sums[kTogether];
    for (size_t g = 0; g < kSpan; ++g) {
      auto sum = hn::Zero(di);
      for (size_t v = 0; v < kShortVectors; ++v) {
        const size_t vector = (first + g) * kShortVectors + v;
        if (!in_range(vector)) break;
        const ShortVec q = hn::MulFixedPoint15(products[s][g * kShortVectors + v], factor);
        hn::StoreU(hn::DemoteTo(db, q), db, out.values + vector * kShortLanes);
        auto unused = hn::Zero(di);
        sum = hn::ReorderWidenMulAccumulate(di, q, hn::Set(d, 1), sum, unused);
      }
      sums[g] = hn::BitCast(Floats(), sum);
    }
    const size_t count = kWhole ? kSpan : std::min(kSpan, groups - first);
    store_sums_left(sums, scales[s], count, out.sums + first);
    std::fill_n(out.scales + first, count, scales[s]);
  }
}

/// All groups of a row, or from one span on.
HWY_INLINE void quantize_gated_groups(const GateInput& x, const Int8Row& gates, size_t groups,
                                      const QuantizedGroups& out) {
  constexpr size_t kStep = kSpansTogether * kSpan;
  size_t g = 0;
  const auto rest = [&] { return GateInput{x.values + g * kGroup, x.scales + g / kSpan}; };
  const auto rest_out = [&] {
    return QuantizedGroups{out.values + g * kGroup, out.scales + g, out.sums + g};
  };
  for (; g + kStep <= groups; g += kStep) {
    quantize_gated_spans<true>(rest(), gates + g * kGroup, kStep, rest_out());
  }
  if (g < groups) quantize_gated_spans<false>(rest(), gates + g * kGroup, groups - g, rest_out());
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
