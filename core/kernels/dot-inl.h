// Tiles of dot products: some rows of activations with some rows of weights, each product summed in
// one vector over k in ascending order, whatever the tile. Compiled once for each instruction set,
// hence no `#pragma once`.
#if defined(TERSE_CORE_KERNELS_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TERSE_CORE_KERNELS_DOT_INL_H_
#undef TERSE_CORE_KERNELS_DOT_INL_H_
#else
#define TERSE_CORE_KERNELS_DOT_INL_H_
#endif

#include <algorithm>
#include <type_traits>

#include "core/kernels/read_ahead.h"
#include "core/kernels/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

// A tile: as many rows of activations as leave the sums in registers, and so many rows of weights.
#if HWY_TARGET <= HWY_AVX3
constexpr size_t kTileRows = 6;
#elif HWY_TARGET <= HWY_AVX2
constexpr size_t kTileRows = 3;
#else
constexpr size_t kTileRows = 2;
#endif
constexpr size_t kTileOutputs = 4;

/// use(rows), a constant of that value <= kMost.
template <size_t kMost, class Use>
HWY_INLINE void as_constant(size_t rows, const Use& use) {
  if constexpr (kMost > 0) {
    if (rows == kMost) {
      use(std::integral_constant<size_t, kMost>());
    } else {
      as_constant<kMost - 1>(rows, use);
    }
  }
}

/// use(rows, i) for tiles of rows i .. i + rows of m; `rows` is a constant.
template <class Use>
HWY_INLINE void for_each_tile(size_t m, const Use& use) {
  for (size_t i = 0; i < m; i += kTileRows) {
    as_constant<kTileRows>(std::min(kTileRows, m - i), [&](auto rows) { use(rows, i); });
  }
}
constexpr size_t tiles_of(size_t m) {
  return (m + kTileRows - 1) / kTileRows;
}

/// sums[i][j] += xs[i] * w[j][p .. p + lanes), lane by lane; the first `n` lanes if kPart.
template <bool kPart, size_t kRows, size_t kOutputs, class Row>
HWY_INLINE void multiply_add(const FloatVec (&xs)[kRows], const Row (&w)[kOutputs], size_t p,
                             size_t n, FloatVec (&sums)[kRows][kOutputs]) {
  const Floats d;
  unrolled<kOutputs>([&](auto j) TERSE_INLINED {
    FloatVec ws = kPart ? load_part(d, w[j] + p, n) : load(d, w[j] + p);
    if constexpr (kRows > 1) ws = in_register(ws);
    unrolled<kRows>([&](auto i) TERSE_INLINED { sums[i][j] = hn::MulAdd(xs[i], ws, sums[i][j]); });
  });
}

/// The same with rows of x that are x_stride apart.
template <bool kPart, size_t kRows, size_t kOutputs, class Row>
HWY_INLINE void dot_step(const float* x, size_t x_stride, const Row (&w)[kOutputs], size_t p,
                         size_t n, FloatVec (&sums)[kRows][kOutputs]) {
  const Floats d;
  FloatVec xs[kRows];
  unrolled<kRows>([&](auto i) TERSE_INLINED {
    const float* at = x + i * x_stride + p;
    xs[i] = in_register(kPart ? load_part(d, at, n) : load(d, at));
  });
  multiply_add<kPart>(xs, w, p, n, sums);
}

template <size_t kRows, size_t kOutputs>
HWY_INLINE void clear_sums(FloatVec (&sums)[kRows][kOutputs]) {
  unrolled<kRows * kOutputs>(
      [&](auto i) TERSE_INLINED { sums[i / kOutputs][i % kOutputs] = hn::Zero(Floats()); });
}

struct NothingAhead {};

/// step(p, n, part) on the vectors of k values, from p on and of n lanes each; `part` is true_type
/// for a last one that is not whole. ahead(p) before each whole line of kLine values.
template <size_t kLine, class Ahead, class Step>
HWY_INLINE void for_each_vector(size_t k, const Ahead& ahead, const Step& step) {
  const size_t lanes = hn::Lanes(Floats());
  size_t p = 0;
  if constexpr (!std::is_same_v<Ahead, NothingAhead>) {
    for (; p + kLine <= k; p += kLine) {
      ahead(p);
      for (size_t q = p; q < p + kLine; q += lanes) step(q, lanes, std::false_type());
    }
  }
  for (; p + lanes <= k; p += lanes) step(p, lanes, std::false_type());
  if (p < k) step(p, k - p, std::true_type());
}

/// out[i][j] = <x[i], w[j]> over k. x: [kRows, k], rows x_stride apart. w: kOutputs rows of [k],
/// pointers or views of rows (rows-inl.h); kOutputs is a multiple of 4. ahead(p) is called at each
/// line p .. of the rows, to ask for what is read later.
template <size_t kRows, size_t kOutputs, class Row, class Ahead = NothingAhead>
HWY_INLINE void dot_tile(const float* x, size_t x_stride, const Row (&w)[kOutputs], size_t k,
                         float (&out)[kRows][kOutputs], const Ahead& ahead = {}) {
  static_assert(kOutputs % 4 == 0);
  FloatVec sums[kRows][kOutputs];
  clear_sums(sums);
  for_each_vector<LineOf<Row>::kValues>(k, ahead, [&](size_t p, size_t n, auto part) TERSE_INLINED {
    dot_step<part>(x, x_stride, w, p, n, sums);
  });
  unrolled<kRows>([&](auto i) TERSE_INLINED {
    unrolled<kOutputs / 4>([&](auto c) TERSE_INLINED {
      constexpr size_t j = 4 * c;
      sum_lanes(sums[i][j], sums[i][j + 1], sums[i][j + 2], sums[i][j + 3], &out[i][j]);
    });
  });
}

/// y[i, j] = bias[i, j] + the lanes of sums[i][j], for j < n <= 4. bias: null, or rows bias_stride
/// apart.
template <size_t kRows>
HWY_INLINE void store_sums(const FloatVec (&sums)[kRows][kTileOutputs], size_t n, const float* bias,
                           size_t bias_stride, float* y, size_t y_stride) {
  unrolled<kRows>([&](auto i) TERSE_INLINED {
    float totals[kTileOutputs];
    sum_lanes(sums[i][0], sums[i][1], sums[i][2], sums[i][3], totals);
    for (size_t j = 0; j < n; ++j) {
      y[i * y_stride + j] = (bias == nullptr ? 0.0f : bias[i * bias_stride + j]) + totals[j];
    }
  });
}

/// What tiles ask for that use the same rows of weights one after the other: each for some lines of
/// the next rows, as a core cannot wait for all of them at once, and at its other lines for what is
/// read later: while it computes, memory would rest.
class AskInTurn {
 public:
  /// Tile `tile` of `tiles`, in so many lines; `next`: whether there are next rows. The first asks
  /// for nothing later, and takes no turn of `turns`: it may itself wait for memory.
  AskInTurn(size_t tile, size_t tiles, size_t lines, bool next, ReadList& later, size_t& turns)
      : tiles_(tiles), others_(tile), next_(next) {
    if (tile > 0) later_ = later.take_turn(turns--, lines, kMostLater);
  }

  /// At a line of the rows; the next rows' lies `distance` values behind.
  template <class W>
  HWY_INLINE void step(const W* const (&rows)[kTileOutputs], size_t distance) {
    if (!next_ || others_-- > 0) return later_.step();
    others_ = tiles_ - 1;
    for (const W* row : rows) prefetch_near(row + distance);
  }

 private:
  size_t tiles_;
  size_t others_;  // that ask for the lines before this one's next
  bool next_;
  PacedReads later_;
};

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
