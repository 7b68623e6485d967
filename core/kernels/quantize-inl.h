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
HWY_INLINE int32_t largest_lane(ShortVec v) {
  return hn::GetLane(v);
}
HWY_INLINE int32_t total_of_lanes(ShortVec v) {
  return hn::GetLane(v);
}
#else
/// The largest lane, none of them negative.
HWY_INLINE int32_t largest_lane(ShortVec v) {
  const hn::ScalableTag<int32_t> di;
  const auto both = hn::BitCast(di, v);
  const auto low = hn::And(both, hn::Set(di, 0xffff));
  return hn::GetLane(hn::MaxOfLanes(di, hn::Max(low, hn::ShiftRight<16>(both))));
}
HWY_INLINE int32_t total_of_lanes(ShortVec v) {
  const hn::ScalableTag<int32_t> di;
  auto odd = hn::Zero(di);
  const auto sums = hn::ReorderWidenMulAccumulate(di, v, hn::Set(Shorts(), 1), hn::Zero(di), odd);
  return hn::GetLane(hn::SumOfLanes(di, hn::Add(sums, odd)));
}
#endif

/// What products of 16 bits are multiplied by to be 127 at most, in 2^-15; whole.
HWY_INLINE float gated_factor(int32_t magnitude) {
  return std::floor(std::min(127.0f * 32768.0f / float(magnitude), 32767.0f));
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

  /// products[i] = x[i] * gates[i], below 2^15: 255 * 128. Returns the largest magnitude.
  HWY_INLINE int32_t multiply(int16_t* products) const {
    const Shorts d;
    const hn::Rebind<int8_t, Shorts> db;
    const hn::Rebind<uint8_t, Shorts> du;
    ShortVec most = hn::Zero(d);
    for (size_t i = 0; i < groups * kGroup; i += kShortLanes) {
      const auto gate = hn::Xor(hn::LoadU(du, gates.bytes + i), hn::Set(du, 0x80));
      const ShortVec product =
          hn::Mul(hn::LoadU(d, x.values + i), hn::PromoteTo(d, hn::BitCast(db, gate)));
      hn::Store(product, d, products + i);
      most = hn::Max(most, hn::Abs(product));
    }
    return largest_lane(most);
  }

  template <SpanSums kSums>
  HWY_INLINE void quantize(const int16_t* products, int32_t magnitude) const {
    const Shorts d;
    const hn::Rebind<int8_t, Shorts> db;
    const float factor = gated_factor(magnitude);
    const float scale = 32768.0f * gates.scale / factor * x.scales[0];
    const auto factors = hn::Set(d, int16_t(factor));
    ShortVec sums = hn::Zero(d);
    for (size_t g = 0; g < groups; ++g) {
      for (size_t v = 0; v < kShortVectors; ++v) {
        const size_t i = g * kGroup + v * kShortLanes;
        const ShortVec q = hn::MulFixedPoint15(hn::Load(d, products + i), factors);
        hn::StoreU(hn::DemoteTo(db, q), db, out.values + i);
        sums = hn::Add(sums, q);
      }
      if constexpr (kSums == SpanSums::of_groups) {
        out.sums[g] = total_of_lanes(sums);
        sums = hn::Zero(d);
      }
    }
    if constexpr (kSums == SpanSums::of_groups) {
      finish_span(groups, scale, out);
    } else {
      out.scales[0] = scale;
      out.sums[0] = total_of_lanes(sums);
    }
  }
};

/// Spans that are gated together, so that none waits for its scale.
constexpr size_t kSpansTogether = 4;

/// The spans span_at(0) .. span_at(count - 1).
template <SpanSums kSums, class SpanAt>
HWY_INLINE void quantize_gated_spans(size_t count, const SpanAt& span_at) {
  HWY_ALIGN int16_t products[kSpansTogether][kMostSpan * kGroup];
  GatedSpan spans[kSpansTogether];
  int32_t magnitudes[kSpansTogether];
  for (size_t i = 0; i < count; i += kSpansTogether) {
    const size_t some = std::min(kSpansTogether, count - i);
    for (size_t s = 0; s < some; ++s) {
      spans[s] = span_at(i + s);
      magnitudes[s] = spans[s].multiply(products[s]);
    }
    for (size_t s = 0; s < some; ++s) {
      spans[s].template quantize<kSums>(products[s], magnitudes[s]);
    }
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
