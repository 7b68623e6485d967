// Tiles of dot products: some rows of activations with some rows of weights, each product summed in
// one vector over k in ascending order, whatever the tile. Compiled once for each instruction set,
// hence no `#pragma once`.
#if defined(TERSE_CORE_KERNELS_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TERSE_CORE_KERNELS_DOT_INL_H_
#undef TERSE_CORE_KERNELS_DOT_INL_H_
#else
#define TERSE_CORE_KERNELS_DOT_INL_H_
#endif

#include <type_traits>

#include "core/kernels/read_ahead.h"
#include "core/kernels/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

/// sums[i][j] += x[i, p .. p + lanes) * w[j][p .. p + lanes), lane by lane; the first `n` lanes if
/// kPart.
template <bool kPart, size_t kRows, size_t kOutputs, class Row>
HWY_INLINE void dot_step(const float* x, size_t x_stride, const Row (&w)[kOutputs], size_t p,
                         size_t n, FloatVec (&sums)[kRows][kOutputs]) {
  const Floats d;
  FloatVec xs[kRows];
  for (size_t i = 0; i < kRows; ++i) {
    const float* at = x + i * x_stride + p;
    xs[i] = kPart ? load_part(d, at, n) : load(d, at);
  }
  for (size_t j = 0; j < kOutputs; ++j) {
    const FloatVec ws = kPart ? load_part(d, w[j] + p, n) : load(d, w[j] + p);
    for (size_t i = 0; i < kRows; ++i) sums[i][j] = hn::MulAdd(xs[i], ws, sums[i][j]);
  }
}

struct NothingAhead {};

/// out[i][j] = <x[i], w[j]> over k. x: [kRows, k], rows x_stride apart. w: kOutputs rows of [k],
/// pointers or views of rows (rows-inl.h); kOutputs is a multiple of 4. ahead(p) is called at each
/// line p .. of the rows, to ask for what is read later.
template <size_t kRows, size_t kOutputs, class Row, class Ahead = NothingAhead>
HWY_INLINE void dot_tile(const float* x, size_t x_stride, const Row (&w)[kOutputs], size_t k,
                         float (&out)[kRows][kOutputs], const Ahead& ahead = {}) {
  static_assert(kOutputs % 4 == 0);
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  FloatVec sums[kRows][kOutputs];
  for (size_t i = 0; i < kRows; ++i) {
    for (size_t j = 0; j < kOutputs; ++j) sums[i][j] = hn::Zero(d);
  }
  size_t p = 0;
  if constexpr (!std::is_same_v<Ahead, NothingAhead>) {
    constexpr size_t kLine = LineOf<Row>::kValues;
    for (; p + kLine <= k; p += kLine) {
      ahead(p);
      for (size_t q = p; q < p + kLine; q += lanes) {
        dot_step<false>(x, x_stride, w, q, lanes, sums);
      }
    }
  }
  for (; p + lanes <= k; p += lanes) dot_step<false>(x, x_stride, w, p, lanes, sums);
  if (p < k) dot_step<true>(x, x_stride, w, p, k - p, sums);
  for (size_t i = 0; i < kRows; ++i) {
    for (size_t j = 0; j < kOutputs; j += 4) {
      sum_lanes(sums[i][j], sums[i][j + 1], sums[i][j + 2], sums[i][j + 3], &out[i][j]);
    }
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
