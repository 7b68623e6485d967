// matmul: tiles of dot products, four outputs wide. A range of weights is used for every row of x
// while it is in the cache.
#include "core/kernels/matmul.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/matmul.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/dot-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

// Bytes of weights that are used for all rows of x before the next ones: half of a small L2.
constexpr size_t kCachedBytes = 256 * 1024;

/// One product: what every tile of it needs.
template <class W>
struct Product {
  const float* x;
  size_t x_stride;
  const W* w;
  size_t n;
  size_t k;
  const float* bias;
  float* y;
  size_t y_stride;
  ReadList later;
  size_t tiles = 0;  // of several rows that are still to come
};

/// y[i + r, j + c * apart] for r < kRows and c < 4, or for those that are less than `end`.
template <size_t kRows, class W>
HWY_NOINLINE void product_tile(Product<W>& p, size_t i, size_t j, size_t apart, size_t end) {
  const W* rows[4];
  for (size_t c = 0; c < 4; ++c) rows[c] = p.w + std::min(j + c * apart, end - 1) * p.k;
  float sums[kRows][4];
  const float* x = p.x + i * p.x_stride;
  if constexpr (kRows > 1) {
    const size_t lines = p.k / LineOf<const W*>::kValues;
    PacedReads later = p.later.take_turn(p.tiles--, lines, kMostLater);
    if (i == 0) {
      dot_tile(x, p.x_stride, rows, p.k, sums, [&](size_t at) {
        later.step();
        for (const W* row : rows) prefetch_line(row + at + kAskAhead / sizeof(W));
      });
    } else if (later.lines > 0) {
      dot_tile(x, p.x_stride, rows, p.k, sums, [&](size_t) { later.step(); });
    } else {
      dot_tile(x, p.x_stride, rows, p.k, sums);
    }
  } else {
    dot_tile(x, p.x_stride, rows, p.k, sums);
  }
  for (size_t c = 0; c < 4 && j + c * apart < end; ++c) {
    const size_t output = j + c * apart;
    for (size_t r = 0; r < kRows; ++r) {
      const float bias = p.bias == nullptr ? 0.0f : p.bias[output];
      p.y[(i + r) * p.y_stride + output] = bias + sums[r][c];
    }
  }
}

/// y[i .. i + kRows, begin .. end): four rows of weights at a time, a quarter of the range apart,
/// so that the memory sees four long streams. Neighbours would be many short ones, at half the
/// speed.
template <size_t kRows, class W>
void product_rows(Product<W>& p, size_t i, size_t begin, size_t end) {
  const size_t quarter = (end - begin) / 4;
  for (size_t j = begin; j < begin + quarter; ++j) product_tile<kRows>(p, i, j, quarter, end);
  if (begin + 4 * quarter < end) product_tile<kRows>(p, i, begin + 4 * quarter, 1, end);
}

template <class W>
void product(Product<W> p, size_t m) {
  p.tiles = tiles_of(m) * ((p.n + 3) / 4);
  const size_t row_bytes = std::max<size_t>(p.k * sizeof(W), 1);
  const size_t cached = std::max<size_t>(kCachedBytes / row_bytes / 4 * 4, 4);
  const size_t outputs = m <= kTileRows ? p.n : cached;
  for (size_t begin = 0; begin < p.n; begin += outputs) {
    const size_t end = std::min(begin + outputs, p.n);
    for_each_tile(m, [&](auto rows, size_t i) { product_rows<rows>(p, i, begin, end); });
  }
}

void matmul(const float* x, size_t x_stride, size_t m, WeightView w, size_t n, size_t k,
            const float* bias, float* y, size_t y_stride, const ReadList& later) {
  if (w.dtype == DType::bf16) {
    product<uint16_t>({x, x_stride, bf16_of(w), n, k, bias, y, y_stride, later}, m);
  } else {
    product<float>({x, x_stride, f32_of(w), n, k, bias, y, y_stride, later}, m);
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(matmul);

void matmul(const float* x, size_t x_stride, size_t m, WeightView w, size_t n, size_t k,
            const float* bias, float* y, size_t y_stride, const ReadList& later) {
  HWY_DYNAMIC_DISPATCH(matmul)(x, x_stride, m, w, n, k, bias, y, y_stride, later);
}

}  // namespace terse::kernels
#endif
