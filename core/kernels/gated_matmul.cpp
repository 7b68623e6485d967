// gated_matmul: tiles of dot products as in matmul; the rows of x are gated on the way, each time
// anew, so that threads which share the outputs need no common copy of them.
#include "core/kernels/gated_matmul.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/gated_matmul.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/dot-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

template <class W>
struct GatedProduct {
  const float* x;
  const W* gates;
  size_t modules;
  const W* w;
  size_t n;
  size_t k;
  const float* bias;
  float* y;
  size_t y_stride;
  ReadList later;
  size_t turns = 0;  // of tiles to ask for it
};

/// y[i .. i + kRows, j .. j + kTileOutputs) as far as there are outputs.
template <size_t kRows, class W>
HWY_NOINLINE void gated_tile(GatedProduct<W>& g, size_t i, size_t j) {
  const Floats d;
  const W* gates[kRows];
  for (size_t r = 0; r < kRows; ++r) gates[r] = g.gates + (i + r) * g.k;
  const W* rows[kTileOutputs];
  for (size_t c = 0; c < kTileOutputs; ++c) rows[c] = g.w + std::min(j + c, g.n - 1) * g.k;
  constexpr size_t kLine = LineOf<const W*>::kValues;
  AskInTurn ahead(i / kTileRows, tiles_of(g.modules), g.k / kLine, j + kTileOutputs < g.n, g.later,
                  g.turns);
  FloatVec sums[kRows][kTileOutputs];
  clear_sums(sums);
  const auto ask = [&](size_t p) TERSE_INLINED { ahead.step(rows, kTileOutputs * g.k + p); };
  for_each_vector<kLine>(g.k, ask, [&](size_t p, size_t n, auto part) TERSE_INLINED {
    const auto values = [&](const auto* row) TERSE_INLINED {
      return part ? load_part(d, row + p, n) : load(d, row + p);
    };
    const FloatVec x = in_register(values(g.x));
    FloatVec xs[kRows];
    unrolled<kRows>([&](auto r) TERSE_INLINED { xs[r] = hn::Mul(x, values(gates[r])); });
    multiply_add<part>(xs, rows, p, n, sums);
  });
  const size_t first = i * g.y_stride + j;
  store_sums(sums, std::min(kTileOutputs, g.n - j), g.bias == nullptr ? nullptr : g.bias + first,
             g.y_stride, g.y + first, g.y_stride);
}

template <class W>
void gated_product(GatedProduct<W> g) {
  if (g.modules == 0) return;
  g.turns = (tiles_of(g.modules) - 1) * ((g.n + kTileOutputs - 1) / kTileOutputs);
  for (size_t j = 0; j < g.n; j += kTileOutputs) {
    for_each_tile(g.modules, [&](auto rows, size_t i) { gated_tile<rows>(g, i, j); });
  }
}

void gated_matmul(const float* x, WeightView gates, size_t modules, WeightView w, size_t n,
                  size_t k, const float* bias, float* y, size_t y_stride, const ReadList& later) {
  if (w.dtype == DType::bf16) {
    gated_product<uint16_t>(
        {x, bf16_of(gates), modules, bf16_of(w), n, k, bias, y, y_stride, later});
  } else {
    gated_product<float>({x, f32_of(gates), modules, f32_of(w), n, k, bias, y, y_stride, later});
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(gated_matmul);

void gated_matmul(const float* x, WeightView gates, size_t modules, WeightView w, size_t n,
                  size_t k, const float* bias, float* y, size_t y_stride, const ReadList& later) {
  HWY_DYNAMIC_DISPATCH(gated_matmul)(x, gates, modules, w, n, k, bias, y, y_stride, later);
}

}  // namespace terse::kernels
#endif
