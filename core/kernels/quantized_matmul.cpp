// quantized_matmul: tiles of some rows of activations by some vectors of outputs. A tile's weights
// are used for every row of x while they are in the cache.
#include "core/kernels/quantized_matmul.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/quantized_matmul.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/panel-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

// The tiles leave their sums in registers: 32 with AVX-512, 16 elsewhere.
#if HWY_TARGET <= HWY_AVX3
constexpr size_t kTileRows = 4;
constexpr size_t kWideOfOneRow = 4;
constexpr size_t kWideOfRows = 2;
#else
constexpr size_t kTileRows = 3;
constexpr size_t kWideOfOneRow = 4;
constexpr size_t kWideOfRows = 1;
#endif

/// One product: what every tile of it needs.
struct Product {
  const QuantizedRows& x;
  const std::byte* w;
  size_t n;
  size_t k;
  size_t bytes;  // of a panel
  const float* bias;
  float* y;
  size_t y_stride;
};

/// y[i .. i + kRows, outputs of kWide vectors from vector `first` on]
template <class Slice, size_t kRows, size_t kWide>
HWY_NOINLINE void product_tile(const Product& p, size_t i, size_t first) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const size_t last = (p.n - 1) / lanes;
  const auto slice = [&](size_t c) {
    const size_t vector = std::min(first + c, last);
    return Slice(p.w + vector / kSlices * p.bytes, vector % kSlices, p.k);
  };
  size_t base[kRows];
  for (size_t r = 0; r < kRows; ++r) base[r] = p.x.group_of(i + r);
  FloatVec sums[kRows][kWide];
  if constexpr (kWide == 1) {
    const Slice slices[1] = {slice(0)};
    panel_products(p.x, base, slices, sums);
  } else if constexpr (kWide == 2) {
    const Slice slices[2] = {slice(0), slice(1)};
    panel_products(p.x, base, slices, sums);
  } else {
    static_assert(kWide == 4);
    const Slice slices[4] = {slice(0), slice(1), slice(2), slice(3)};
    panel_products(p.x, base, slices, sums);
  }
  for (size_t c = 0; c < kWide && first + c <= last; ++c) {
    const size_t output = (first + c) * lanes;
    const size_t part = std::min(lanes, p.n - output);
    const FloatVec bias = p.bias ? load_part(d, p.bias + output, part) : hn::Zero(d);
    for (size_t r = 0; r < kRows; ++r) {
      store_part(d, hn::Add(bias, sums[r][c]), p.y + (i + r) * p.y_stride + output, part);
    }
  }
}

/// The last rows of x, fewer than kTileRows.
template <class Slice, size_t kRows>
void product_last_rows(const Product& p, size_t rows, size_t i, size_t first) {
  if constexpr (kRows > 0) {
    if (rows == kRows) return product_tile<Slice, kRows, kWideOfRows>(p, i, first);
    product_last_rows<Slice, kRows - 1>(p, rows, i, first);
  }
}

template <class Slice>
void product(const Product& p, size_t begin, size_t end) {
  const size_t vectors = (p.n + hn::Lanes(Floats()) - 1) / hn::Lanes(Floats());
  if (end - begin == 1) {
    for (size_t v = 0; v < vectors; v += kWideOfOneRow) {
      product_tile<Slice, 1, kWideOfOneRow>(p, begin, v);
    }
    return;
  }
  for (size_t v = 0; v < vectors; v += kWideOfRows) {
    size_t i = begin;
    for (; i + kTileRows <= end; i += kTileRows) {
      product_tile<Slice, kTileRows, kWideOfRows>(p, i, v);
    }
    product_last_rows<Slice, kTileRows - 1>(p, end - i, i, v);
  }
}

void quantized_matmul(const QuantizedRows& x, size_t begin, size_t end, WeightView w, size_t n,
                      const float* bias, float* y, size_t y_stride) {
  if (n == 0 || begin == end) return;
  const size_t k = x.taps * x.groups * kGroup;
  const Product p{x, w.data, n, k, panel_bytes(w.dtype, k), bias, y, y_stride};
  if (w.dtype == DType::int8) {
    product<Int8Slice>(p, begin, end);
  } else {
    product<Int4Slice>(p, begin, end);
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(quantized_matmul);

void quantized_matmul(const QuantizedRows& x, size_t begin, size_t end, WeightView w, size_t n,
                      const float* bias, float* y, size_t y_stride) {
  HWY_DYNAMIC_DISPATCH(quantized_matmul)(x, begin, end, w, n, bias, y, y_stride);
}

}  // namespace terse::kernels
#endif
