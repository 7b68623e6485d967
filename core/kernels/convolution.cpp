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

// Modules in a tile: as many as leave the sums in registers.
#if HWY_TARGET <= HWY_AVX3
constexpr size_t kTileModules = 6;
#elif HWY_TARGET <= HWY_AVX2
constexpr size_t kTileModules = 3;
#else
constexpr size_t kTileModules = 2;
#endif
constexpr size_t kTileOutputs = 4;

template <class W>
struct Convolution {
  const Patches& x;
  const W* w;
  size_t n;
  const float* bias;
  float* y;
  size_t y_stride;
  ReadList later;
  size_t tiles = 0;  // but those of the first modules, that are still to come
};

/// y[j .. j + kModules, o .. o + kTileOutputs) as far as there are outputs. The first modules ask
/// for the next rows of weights, the others for what comes after the convolution: while they
/// compute, memory would rest.
template <size_t kModules, class W>
HWY_NOINLINE void convolve_tile(Convolution<W>& c, size_t j, size_t o) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const Patches& x = c.x;
  FloatVec sums[kModules][kTileOutputs];
  for (auto& row : sums) {
    for (FloatVec& sum : row) sum = hn::Zero(d);
  }
  constexpr size_t kLine = LineOf<const W*>::kValues;
  PacedReads later;
  if (j > 0) later = c.later.take_turn(c.tiles--, x.taps * (x.width / kLine), kMostLater);
  for (size_t l = 0; l < x.taps; ++l) {
    const float* run = x.first + l * x.tap_stride + j * x.module;
    const W* rows[kTileOutputs];
    for (size_t i = 0; i < kTileOutputs; ++i) {
      rows[i] = c.w + (std::min(o + i, c.n - 1) * x.taps + l) * x.width;
    }
    size_t p = 0;
    for (; p + kLine <= x.width; p += kLine) {
      if (j == 0) {
        for (const W* row : rows) prefetch_line(row + kTileOutputs * x.taps * x.width + p);
      } else {
        later.step();
      }
      for (size_t q = p; q < p + kLine; q += lanes) {
        dot_step<false>(run, x.module, rows, q, lanes, sums);
      }
    }
    for (; p + lanes <= x.width; p += lanes) {
      dot_step<false>(run, x.module, rows, p, lanes, sums);
    }
    if (p < x.width) dot_step<true>(run, x.module, rows, p, x.width - p, sums);
  }
  for (size_t m = 0; m < kModules; ++m) {
    float totals[kTileOutputs];
    sum_lanes(sums[m][0], sums[m][1], sums[m][2], sums[m][3], totals);
    for (size_t i = 0; i < std::min(kTileOutputs, c.n - o); ++i) {
      c.y[(j + m) * c.y_stride + o + i] = c.bias[o + i] + totals[i];
    }
  }
}

template <size_t kModules, class W>
void convolve_modules(Convolution<W>& c, size_t j, size_t o) {
  if constexpr (kModules > 0) {
    if (c.x.modules - j < kModules) return convolve_modules<kModules - 1>(c, j, o);
    convolve_tile<kModules>(c, j, o);
  }
}

template <class W>
void convolve_all(Convolution<W> c) {
  c.tiles = (c.x.modules - 1) / kTileModules * ((c.n + kTileOutputs - 1) / kTileOutputs);
  for (size_t o = 0; o < c.n; o += kTileOutputs) {
    for (size_t j = 0; j < c.x.modules; j += kTileModules) convolve_modules<kTileModules>(c, j, o);
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
