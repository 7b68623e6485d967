// quantized_matmul and gated_matmul: tiles of some rows of activations by some vectors of outputs.
// Many rows go through the weights block by block of k, so that a tile's weights stay in the
// first-level cache for all of them; the sums wait in y meanwhile. Gated rows are made a block at a
// time, so that they are multiplied from there, too.
#include "core/kernels/quantized_matmul.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/quantized_matmul.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/panel-inl.h"
#include "core/kernels/quantize-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

// The tiles leave their sums in registers: 32 with AVX-512, 16 elsewhere.
#if HWY_TARGET <= HWY_AVX3
constexpr size_t kTileRows = 6;
constexpr size_t kWideOfOneRow = 4;
constexpr size_t kWideOfRows = 2;
#else
constexpr size_t kTileRows = 3;
constexpr size_t kWideOfOneRow = 4;
constexpr size_t kWideOfRows = 1;
#endif

// Two panels of 8-bit weights take 16 KiB of a block.
static_assert(kBlockGroups == kGatedGroups && kBlockGroups % kSpan == 0);

/// One product: what every tile of it needs.
struct Product {
  QuantizedRows x;
  const std::byte* w;
  size_t n;
  size_t groups;  // of the sum
  size_t panel_bytes;
  const float* bias;
  float* y;
  size_t y_stride;
  size_t x_from = 0;  // the group of the sum that x begins with

  /// Vectors of outputs.
  size_t vectors() const { return (n + hn::Lanes(Floats()) - 1) / hn::Lanes(Floats()); }

  template <class Slice>
  Slice slice(size_t vector) const {
    return Slice(w + vector / kSlices * panel_bytes, vector % kSlices, groups * kGroup);
  }
};

/// y[i .. i + kRows, outputs of kWide vectors from vector `first` on]: the sums over a range of
/// groups, added to those over the groups before it.
template <class Slice, size_t kRows, size_t kWide>
HWY_NOINLINE void product_tile(const Product& p, size_t i, size_t first, GroupRange range,
                               AskedFor& asked) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  size_t base[kRows];
  for (size_t r = 0; r < kRows; ++r) base[r] = p.x.group_of(i + r);
  Slice slices[kWide];
  for (size_t c = 0; c < kWide; ++c) slices[c] = p.slice<Slice>(first + c);
  const auto output = [&](size_t c) { return (first + c) * lanes; };
  const auto part = [&](size_t c) { return std::min(lanes, p.n - output(c)); };
  const auto y = [&](size_t r, size_t c) { return p.y + (i + r) * p.y_stride + output(c); };

  FloatVec sums[kRows][kWide];
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t c = 0; c < kWide; ++c) {
      sums[r][c] = range.begin == 0 ? hn::Zero(d) : load_part(d, y(r, c), part(c));
    }
  }
  panel_products(p.x, base, p.x_from, slices, range, asked, sums);
  const bool done = range.end == p.groups;
  for (size_t c = 0; c < kWide; ++c) {
    const bool with_bias = done && p.bias != nullptr;
    const FloatVec bias = with_bias ? load_part(d, p.bias + output(c), part(c)) : hn::Zero(d);
    for (size_t r = 0; r < kRows; ++r) {
      const FloatVec sum = done ? hn::Add(bias, slices[c].finish(sums[r][c])) : sums[r][c];
      store_part(d, sum, y(r, c), part(c));
    }
  }
}

/// A tile of `rows` <= kRows rows.
template <class Slice, size_t kRows, size_t kWide>
void product_tile_of(size_t rows, const Product& p, size_t i, size_t first, GroupRange range,
                     AskedFor& asked) {
  if constexpr (kRows > 0) {
    if (rows == kRows) return product_tile<Slice, kRows, kWide>(p, i, first, range, asked);
    product_tile_of<Slice, kRows - 1, kWide>(rows, p, i, first, range, asked);
  }
}

size_t tiles_of(size_t rows) {
  return (rows + kTileRows - 1) / kTileRows;
}

/// All rows, of the kWide vectors of outputs from `first` on. Tiles are of much the same height: a
/// low one has too few sums to keep the multipliers busy.
template <class Slice, size_t kWide>
void product_rows(const Product& p, size_t begin, size_t end, size_t first, GroupRange range,
                  AskedFor& asked) {
  const size_t rows = end - begin;
  const size_t tiles = tiles_of(rows);
  for (size_t t = 0; t < tiles; ++t) {
    const size_t i = rows * t / tiles;
    product_tile_of<Slice, kTileRows, kWide>(rows * (t + 1) / tiles - i, p, begin + i, first, range,
                                             asked);
  }
}

/// One row, of the vectors of outputs from `first` on: kWide at a time, then fewer.
template <class Slice, size_t kWide>
void product_row(const Product& p, size_t i, size_t first) {
  AskedFor nothing;
  for (; first + kWide <= p.vectors(); first += kWide) {
    product_tile<Slice, 1, kWide>(p, i, first, {0, p.groups}, nothing);
  }
  if constexpr (kWide > 1) product_row<Slice, kWide / 2>(p, i, first);
}

/// A step through the weights: kWideOfRows vectors of outputs over a block of groups.
struct Step {
  size_t first;
  GroupRange range;
};

/// The order of the steps: block by block, each over all outputs.
class Steps {
 public:
  Steps(const Product& p, size_t block_groups)
      : groups_(p.groups),
        block_groups_(block_groups),
        blocks_((groups_ + block_groups - 1) / block_groups),
        in_block_((p.vectors() + kWideOfRows - 1) / kWideOfRows) {}

  size_t count() const { return blocks_ * in_block_; }
  size_t in_block() const { return in_block_; }
  bool begins_block(size_t i) const { return i % in_block_ == 0; }
  Step operator[](size_t i) const {
    const size_t begin = i / in_block_ * block_groups_;
    return {i % in_block_ * kWideOfRows, {begin, std::min(begin + block_groups_, groups_)}};
  }

 private:
  size_t groups_;
  size_t block_groups_;
  size_t blocks_;
  size_t in_block_;
};

/// What a step reads.
template <class Slice>
ReadAhead reads_of(const Product& p, const Step& step) {
  constexpr size_t kGroupBytes = Slice::kVectorsInGroup * 4 * kPanel;
  const size_t panel = step.first / kSlices;
  const size_t panels =
      std::min((kWideOfRows + kSlices - 1) / kSlices, (p.n + kPanel - 1) / kPanel - panel);
  const std::byte* first = p.w + panel * p.panel_bytes +
                           panel_scale_bytes(Slice::kType, p.groups * kGroup) +
                           step.range.begin * kGroupBytes;
  return {first, (step.range.end - step.range.begin) * kGroupBytes, panels, p.panel_bytes};
}

/// Rows begin .. end. prepare(range, p) is called before each block, and returns what it reads
/// before the next one.
template <class Slice, class Prepare>
void product(Product p, size_t block_groups, size_t begin, size_t end, ReadList later,
             const Prepare& prepare) {
  const Steps steps(p, block_groups);
  const size_t tiles = tiles_of(end - begin);
  AskedFor asked;
  ReadAhead start = reads_of<Slice>(p, steps[0]);
  start.ask(start.lines());
  for (size_t i = 0; i < steps.count(); ++i) {
    const auto [first, range] = steps[i];
    const size_t groups = tiles * (range.end - range.begin);
    asked.later = later.take_turn(steps.count() - i, groups, kMostLater);
    if (steps.begins_block(i)) {
      asked.block = PacedReads(prepare(range, p), steps.in_block() * tiles * kBlockGroups);
    }
    asked.next =
        i + 1 < steps.count() ? PacedReads(reads_of<Slice>(p, steps[i + 1]), groups) : PacedReads();
    if (first + kWideOfRows <= p.vectors()) {
      product_rows<Slice, kWideOfRows>(p, begin, end, first, range, asked);
    } else {
      product_rows<Slice, 1>(p, begin, end, first, range, asked);
    }
  }
}

template <class Slice>
void whole_product(const Product& p, size_t begin, size_t end, const ReadList& later) {
  if (end - begin == 1) return product_row<Slice, kWideOfOneRow>(p, begin, 0);
  // A single tile uses its weights once: they are read as they lie.
  const size_t block_groups = tiles_of(end - begin) == 1 ? p.groups : kBlockGroups;
  product<Slice>(p, block_groups, begin, end, later,
                 [](GroupRange, Product&) { return ReadAhead(); });
}

void quantized_matmul(const QuantizedRows& x, size_t begin, size_t end, WeightView w, size_t n,
                      const float* bias, float* y, size_t y_stride, const ReadList& later) {
  if (n == 0 || begin == end) return;
  const size_t groups = x.taps * x.groups;
  const Product p{x, w.data, n, groups, panel_bytes(w.dtype, groups * kGroup), bias, y, y_stride};
  if (w.dtype == DType::int8) {
    whole_product<Int8Slice>(p, begin, end, later);
  } else {
    whole_product<Int4Slice>(p, begin, end, later);
  }
}

/// A block of the gated rows begin .. end, in the first rows of p.x. Returns the gates of the next.
ReadAhead quantize_block(const GatedRows& x, size_t begin, size_t end, GroupRange range,
                         const QuantizedGroups& block, Product& p) {
  const Int8Rows gates{x.gates.data, p.groups * kGroup};
  const size_t spans = (p.groups + kSpan - 1) / kSpan;
  for (size_t i = begin; i < end; ++i) {
    const size_t position = i / x.modules;
    const size_t group = p.x.group_of(i - begin);
    quantize_gated_groups(
        {x.x.values + (position * p.groups + range.begin) * kGroup,
         x.x.scales + position * spans + range.begin / kSpan},
        gates[i % x.modules] + range.begin * kGroup, range.end - range.begin,
        {block.values + group * kGroup, block.scales + group, block.sums + group});
  }
  p.x_from = range.begin;
  p.x.groups = range.end - range.begin;
  const size_t rows = std::min(end - begin, x.modules - begin % x.modules);
  const size_t left = std::min(kBlockGroups, p.groups - range.end) * kGroup;
  return {reinterpret_cast<const std::byte*>(gates[begin % x.modules].bytes) + range.end * kGroup,
          left, rows, row_bytes(DType::int8, p.groups * kGroup)};
}

template <class Slice>
void gated_product(const GatedRows& x, size_t begin, size_t end, const QuantizedGroups& block,
                   const Product& p, const ReadList& later) {
  product<Slice>(p, kBlockGroups, 0, end - begin, later, [&](GroupRange range, Product& product) {
    return quantize_block(x, begin, end, range, block, product);
  });
}

void gated_matmul(const GatedRows& x, size_t begin, size_t end, WeightView w, size_t n, size_t k,
                  const QuantizedGroups& block, float* y, size_t y_stride, const ReadList& later) {
  if (n == 0 || begin == end) return;
  const size_t groups = groups_of(k);
  QuantizedRows rows;
  rows.values = block.values;
  rows.scales = block.scales;
  rows.sums = block.sums;
  rows.m = end - begin;
  rows.span = kSpan;
  rows.position_stride = kGatedGroups;
  const Product p{rows,
                  w.data,
                  n,
                  groups,
                  panel_bytes(w.dtype, groups * kGroup),
                  nullptr,
                  y + begin * y_stride,
                  y_stride};
  if (w.dtype == DType::int8) {
    gated_product<Int8Slice>(x, begin, end, block, p, later);
  } else {
    gated_product<Int4Slice>(x, begin, end, block, p, later);
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(quantized_matmul);
HWY_EXPORT(gated_matmul);

void quantized_matmul(const QuantizedRows& x, size_t begin, size_t end, WeightView w, size_t n,
                      const float* bias, float* y, size_t y_stride, const ReadList& later) {
  HWY_DYNAMIC_DISPATCH(quantized_matmul)(x, begin, end, w, n, bias, y, y_stride, later);
}

void gated_matmul(const GatedRows& x, size_t begin, size_t end, WeightView w, size_t n, size_t k,
                  const QuantizedGroups& block, float* y, size_t y_stride, const ReadList& later) {
  HWY_DYNAMIC_DISPATCH(gated_matmul)(x, begin, end, w, n, k, block, y, y_stride, later);
}

}  // namespace terse::kernels
#endif
