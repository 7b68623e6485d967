// Activations in 8 bits: the largest magnitude of a span becomes 127. gate-inl.h has those that are
// gated. Compiled once for each instruction set, hence no `#pragma once`.
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
// Vectors whose lanes are folded together.
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

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
