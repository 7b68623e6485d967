// Activations in 8 bits, and in 9 bits where gates follow.
#include "core/kernels/quantize.h"

#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/quantize.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/gate-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

void quantize(const float* x, size_t n, size_t span, const QuantizedGroups& out) {
  const size_t step = span * kGroup;
  for (size_t i = 0; i < n; i += step) {
    const size_t g = i / kGroup;
    quantize_span(x + i, std::min(step, n - i), {out.values + i, out.scales + g, out.sums + g});
  }
}

void prepare_gating(const float* x, size_t n, size_t span, int16_t* values, float* scales) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  const hn::Rebind<int16_t, Floats> ds;
  const size_t step = span * kGroup;
  for (size_t i = 0; i < n; i += step) {
    const size_t part = std::min(step, n - i);
    const auto [scale, inverse] = span_scale(largest_magnitude(x + i, part), 255.0f);
    // Values of a span that is not finite mean nothing, but must not be too large to be multiplied.
    const auto factor = hn::Set(d, scale == scale ? inverse : 0.0f);
    for (size_t j = 0; j < groups_of(part) * kGroup; j += kLanes) {
      const FloatVec rounded = hn::MulAdd(values_at(x + i, j, part), factor, hn::Set(d, kRounding));
      const auto q = hn::Sub(hn::BitCast(di, rounded), hn::Set(di, int32_t(kRoundingBits)));
      hn::StoreU(hn::DemoteTo(ds, hn::Clamp(q, hn::Set(di, -255), hn::Set(di, 255))), ds,
                 values + i + j);
    }
    scales[i / step] = scale;
  }
}

void quantize_gated(const GateInput& x, WeightView gates, size_t n, const QuantizedGroups& out) {
  const size_t groups = groups_of(n);
  const size_t length = span_of(groups);
  size_t g = 0;
  quantize_gated_spans<SpanSums::of_groups>(spans_of(groups), [&] {
    const size_t first = std::exchange(g, g + length);
    return GatedSpan{std::min(length, groups - first),
                     {x.values + first * kGroup, x.scales + first / length},
                     Int8Rows{gates.data, n}[0] + first * kGroup,
                     {out.values + first * kGroup, out.scales + first, out.sums + first}};
  });
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(quantize);
HWY_EXPORT(prepare_gating);
HWY_EXPORT(quantize_gated);

void quantize(const float* x, size_t n, size_t span, const QuantizedGroups& out) {
  HWY_DYNAMIC_DISPATCH(quantize)(x, n, span, out);
}

void prepare_gating(const float* x, size_t n, size_t span, int16_t* values, float* scales) {
  HWY_DYNAMIC_DISPATCH(prepare_gating)(x, n, span, values, scales);
}

void quantize_gated(const GateInput& x, WeightView gates, size_t n, const QuantizedGroups& out) {
  HWY_DYNAMIC_DISPATCH(quantize_gated)(x, gates, n, out);
}

}  // namespace terse::kernels
#endif
