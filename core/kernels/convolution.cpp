// convolve: tiles of dot products as in matmul, but the activations are read where they are.
#include "core/kernels/convolution.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/convolution.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/dot-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

template <class W>
struct Convolution {
  const Patches& x;
  const W* w;
  size_t n;
  const float* bias;
  float* y;
  size_t y_stride;
  ReadList later;
  size_t turns = 0;  // of tiles to ask for it
};

/// y[j .. j + kModules, o .. o + kTileOutputs) as far as there are outputs.
template <size_t kModules, class W>
HWY_NOINLINE void convolve_tile(Convolution<W>& c, size_t j, size_t o) {
  const Patches& x = c.x;
  constexpr size_t kLine = LineOf<const W*>::kValues;
  AskInTurn ahead(j / kTileRows, tiles_of(x.modules), x.taps * (x.width / kLine),
                  o + kTileOutputs < c.n, c.later, c.turns);
  FloatVec sums[kModules][kTileOutputs];
  clear_sums(sums);
  for (size_t l = 0; l < x.taps; ++l) {
    const float* run = x.first + l * x.tap_stride + j * x.module;
    const W* rows[kTileOutputs];
    for (size_t i = 0; i < kTileOutputs; ++i) {
      rows[i] = c.w + (std::min(o + i, c.n - 1) * x.taps + l) * x.width;
    }
    const auto ask = [&](size_t p)
                         TERSE_INLINED { ahead.step(rows, kTileOutputs * x.taps * x.width + p); };
    for_each_vector<kLine>(x.width, ask, [&](size_t p, size_t n, auto part) TERSE_INLINED {
      dot_step<part>(run, x.module, rows, p, n, sums);
    });
  }
  store_sums(sums, std::min(kTileOutputs, c.n - o), c.bias + o, 0, c.y + j * c.y_stride + o,
             c.y_stride);
}

template <class W>
void convolve_all(Convolution<W> c) {
  c.turns = (tiles_of(c.x.modules) - 1) * ((c.n + kTileOutputs - 1) / kTileOutputs);
  for (size_t o = 0; o < c.n; o += kTileOutputs) {
    for_each_tile(c.x.modules, [&](auto modules, size_t j) { convolve_tile<modules>(c, j, o); });
  }
}

void convolve(const Patches& x, WeightView w, size_t n, const float* bias, float* y,
              size_t y_stride, const ReadList& later) {
  if (w.dtype == DType::bf16) {
    convolve_all<uint16_t>({x, bf16_of(w), n, bias, y, y_stride, later});
  } else {
    convolve_all<float>({x, f32_of(w), n, bias, y, y_stride, later});
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(convolve);

void convolve(const Patches& x, WeightView w, size_t n, const float* bias, float* y,
              size_t y_stride, const ReadList& later) {
  HWY_DYNAMIC_DISPATCH(convolve)(x, w, n, bias, y, y_stride, later);
}

}  // namespace terse::kernels
#endif
