// quantized_matmul and gated_matmul: tiles of some rows of activations by some vectors of outputs.
// Many rows go through the weights block by block of k, so that a tile's weights stay in the
// first-level cache for all of them; the sums wait in y meanwhile. Gated rows are made a block at a
// time, so that they are multiplied from there, too.
#include "core/kernels/quantized_matmul.h"

#include <algorithm>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/quantized_matmul.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/gate-inl.h"
#include "core/kernels/panel-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

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

/// The outputs of a tile: some rows, kWide vectors from one on. Between the blocks y holds sums
/// that finish() scales.
template <class S, size_t kRows, size_t kWide>
struct Tile {
  float* y;
  size_t y_stride;
  size_t n;            // outputs from the first vector on
  size_t base[kRows];  // the first group of each row
  S slices[kWide];

  HWY_INLINE Tile(const Product& p, size_t row, size_t vector)
      : y(p.y + row * p.y_stride + vector * hn::Lanes(Floats())),
        y_stride(p.y_stride),
        n(p.n - vector * hn::Lanes(Floats())) {
    p.x.groups_of_rows(row, base);
    unrolled<kWide>([&](auto c) TERSE_INLINED { slices[c] = p.template slice<S>(vector + c); });
  }

  /// Each vector of outputs becomes change(r, c, vector).
  template <class Change>
  HWY_INLINE void change_outputs(const Change& change) const {
    const Floats d;
    unrolled<kWide>([&](auto c) TERSE_INLINED {
      const size_t output = c * hn::Lanes(d);
      const size_t part = std::min(hn::Lanes(d), n - output);
      unrolled<kRows>([&](auto r) TERSE_INLINED {
        float* to = y + r * y_stride + output;
        if (part == hn::Lanes(d)) {
          hn::StoreU(change(r, c, hn::LoadU(d, to)), d, to);
        } else {
          store_part(d, change(r, c, load_part(d, to, part)), to, part);
        }
      });
    });
  }

  HWY_INLINE void clear() const {
    change_outputs([](auto, auto, FloatVec) TERSE_INLINED { return hn::Zero(Floats()); });
  }
  /// bias: of the first output on, or null.
  HWY_INLINE void finish(const float* bias) const {
    const Floats d;
    FloatVec biases[kWide];
    for (size_t c = 0; c < kWide; ++c) {
      const size_t output = c * hn::Lanes(d);
      biases[c] = bias == nullptr ? hn::Zero(d)
                                  : load_part(d, bias + output, std::min(hn::Lanes(d), n - output));
    }
    change_outputs([&](auto, auto c, FloatVec sum)
                       TERSE_INLINED { return hn::Add(biases[c], slices[c].finish(sum)); });
  }
};

/// Tiles that keep their float sums in registers beside those of integers, for scales of any span.
template <class S>
struct FineTiles {
  using Slice = S;
#ifdef __SANITIZE_ADDRESS__
  static constexpr size_t kMostRows = 2;  // its checks in larger tiles take minutes to compile
  static constexpr size_t kMostWide = 1;
#elif HWY_TARGET <= HWY_AVX3
  static constexpr size_t kMostRows = 6;
  static constexpr size_t kMostWide = 2;
#else
  static constexpr size_t kMostRows = 3;
  static constexpr size_t kMostWide = 1;
#endif

  /// Adds the products over a range of groups to those over the groups before it.
  template <size_t kRows, size_t kWide>
  static HWY_INLINE void add(const Product& p, GroupRange range,
                             const Tile<Slice, kRows, kWide>& tile, AskedFor& asked) {
    FloatVec sums[kRows][kWide];
    tile.change_outputs([&](auto r, auto c, FloatVec y) TERSE_INLINED { return sums[r][c] = y; });
    panel_products(p.x, tile.base, p.x_from, tile.slices, range, asked, sums);
    tile.change_outputs([&](auto r, auto c, FloatVec) TERSE_INLINED { return sums[r][c]; });
  }
};

/// Tiles whose integer sums take all registers, for 8-bit weights and long spans; the float sums
/// wait in y. The same sums, in the same order.
struct BlockTiles {
  using Slice = Int8Slice;
#ifdef __SANITIZE_ADDRESS__
  static constexpr size_t kMostRows = 2;  // as above
  static constexpr size_t kMostWide = 2;
#elif HWY_TARGET <= HWY_AVX3_DL
  static constexpr size_t kMostRows = 8;
  static constexpr size_t kMostWide = 3;
#elif HWY_TARGET <= HWY_AVX3
  static constexpr size_t kMostRows = 8;
  static constexpr size_t kMostWide = 2;
#else
  static constexpr size_t kMostRows = 4;
  static constexpr size_t kMostWide = 2;
#endif

  template <size_t kRows, size_t kWide>
  static HWY_INLINE void add(const Product& p, GroupRange range,
                             const Tile<Slice, kRows, kWide>& tile, AskedFor& asked) {
    const QuantizedRows x = p.x;
    for_each_span<Slice>(x, p.x_from, range, [&](const Span& span) TERSE_INLINED {
      IntVec products[kRows][kWide];
      span_products(x, tile.base, span, tile.slices, asked, products);
      tile.change_outputs([&](auto r, auto c, FloatVec sum) TERSE_INLINED {
        const float x_scale = x.scales[tile.base[r] + span.x];
        return add_span(sum, products[r][c], tile.slices[c], span, x_scale);
      });
    });
  }
};

template <class Tiles, size_t kRows, size_t kWide>
HWY_NOINLINE void product_tile(const Product& p, size_t i, size_t first, GroupRange range,
                               AskedFor& asked) {
  const Tile<typename Tiles::Slice, kRows, kWide> tile(p, i, first);
  if (range.begin == 0) tile.clear();
  Tiles::add(p, range, tile, asked);
  if (range.end < p.groups) return;
  tile.finish(p.bias == nullptr ? nullptr : p.bias + first * hn::Lanes(Floats()));
}

/// A tile of `rows` <= kRows rows.
template <class Tiles, size_t kRows, size_t kWide>
void product_tile_of(size_t rows, const Product& p, size_t i, size_t first, GroupRange range,
                     AskedFor& asked) {
  if constexpr (kRows > 0) {
    if (rows == kRows) return product_tile<Tiles, kRows, kWide>(p, i, first, range, asked);
    product_tile_of<Tiles, kRows - 1, kWide>(rows, p, i, first, range, asked);
  }
}

template <class Tiles>
size_t tiles_of(size_t rows) {
  return (rows + Tiles::kMostRows - 1) / Tiles::kMostRows;
}

/// All rows, of the kWide vectors of outputs from `first` on. Tiles are of much the same height: a
/// low one has too few sums to keep the multipliers busy.
template <class Tiles, size_t kWide>
void product_rows(const Product& p, size_t begin, size_t end, size_t first, GroupRange range,
                  AskedFor& asked) {
  const size_t rows = end - begin;
  const size_t tiles = tiles_of<Tiles>(rows);
  for (size_t t = 0; t < tiles; ++t) {
    const size_t i = rows * t / tiles;
    product_tile_of<Tiles, Tiles::kMostRows, kWide>(rows * (t + 1) / tiles - i, p, begin + i, first,
                                                    range, asked);
  }
}

constexpr size_t kWideOfOneRow = 4;
// Groups of a span that outweigh storing the sums behind it.
constexpr size_t kLongSpan = 4;

/// One row, of the vectors of outputs from `first` on: kWide at a time, then fewer.
template <class Slice, size_t kWide>
void product_row(const Product& p, size_t i, size_t first) {
  AskedFor asked;
  asked.ahead = kAskAhead;
  for (; first + kWide <= p.vectors(); first += kWide) {
    product_tile<FineTiles<Slice>, 1, kWide>(p, i, first, {0, p.groups}, asked);
  }
  if constexpr (kWide > 1) product_row<Slice, kWide / 2>(p, i, first);
}

/// A step through the weights: some vectors of outputs over a block of groups.
struct Step {
  size_t first;
  size_t wide;
  GroupRange range;
};

/// The order of the steps: block by block, each over all outputs; `wide` vectors at a time, then
/// one.
class Steps {
 public:
  Steps(const Product& p, size_t wide, size_t block_groups)
      : groups_(p.groups),
        wide_(wide),
        block_groups_(block_groups),
        blocks_((groups_ + block_groups - 1) / block_groups),
        wide_in_block_(p.vectors() / wide),
        in_block_(wide_in_block_ + p.vectors() % wide) {}

  size_t count() const { return blocks_ * in_block_; }
  size_t in_block() const { return in_block_; }
  bool begins_block(size_t i) const { return i % in_block_ == 0; }
  Step operator[](size_t i) const {
    const size_t begin = i / in_block_ * block_groups_;
    const GroupRange range{begin, std::min(begin + block_groups_, groups_)};
    const size_t j = i % in_block_;
    if (j < wide_in_block_) return {j * wide_, wide_, range};
    return {wide_in_block_ * (wide_ - 1) + j, 1, range};
  }

 private:
  size_t groups_;
  size_t wide_;
  size_t block_groups_;
  size_t blocks_;
  size_t wide_in_block_;
  size_t in_block_;
};

/// What a step reads; or, in order, what it reads before it can ask by itself.
template <class Slice>
ReadAhead reads_of(const Product& p, Step step, bool in_order) {
  constexpr size_t kGroupBytes = Slice::kVectorsInGroup * 4 * kPanel;
  if (in_order) {
    step.range.end = std::min(step.range.end, step.range.begin + kAskAhead / kGroupBytes);
  }
  const size_t panel = step.first / kSlices;
  const size_t panels = (step.first + step.wide - 1) / kSlices + 1 - panel;
  const std::byte* first = p.w + panel * p.panel_bytes +
                           panel_scale_bytes(Slice::kType, p.groups * kGroup) +
                           step.range.begin * kGroupBytes;
  return {first, (step.range.end - step.range.begin) * kGroupBytes, panels, p.panel_bytes};
}

/// Rows begin .. end. prepare(range, p) is called before each block, and returns what it reads
/// before the next one.
template <class Tiles, class Prepare>
void product(Product p, size_t block_groups, size_t begin, size_t end, ReadList later,
             const Prepare& prepare) {
  using Slice = typename Tiles::Slice;
  const Steps steps(p, Tiles::kMostWide, block_groups);
  const size_t tiles = tiles_of<Tiles>(end - begin);
  AskedFor asked;
  const bool in_order = tiles == 1 && block_groups >= p.groups;
  if (in_order) asked.ahead = kAskAhead;
  ReadAhead start = reads_of<Slice>(p, steps[0], in_order);
  start.ask(start.lines());
  for (size_t i = 0; i < steps.count(); ++i) {
    const auto [first, wide, range] = steps[i];
    const size_t groups = tiles * (range.end - range.begin);
    asked.later = later.take_turn(steps.count() - i, groups, kMostLater);
    if (steps.begins_block(i)) {
      asked.block = PacedReads(prepare(range, p), steps.in_block() * tiles * kBlockGroups);
    }
    asked.next = {};
    if (i + 1 < steps.count()) {
      asked.next = PacedReads(reads_of<Slice>(p, steps[i + 1], in_order), groups);
    }
    if (wide == Tiles::kMostWide) {
      product_rows<Tiles, Tiles::kMostWide>(p, begin, end, first, range, asked);
    } else {
      product_rows<Tiles, 1>(p, begin, end, first, range, asked);
    }
  }
}

/// The groups of a block, in whole spans.
size_t groups_in_block(size_t span) {
  return std::max<size_t>(kBlockGroups / span, 1) * span;
}

template <class Tiles>
void product_of_rows(const Product& p, size_t begin, size_t end, const ReadList& later) {
  // A single tile uses its weights once: they are read as they lie.
  const bool one_tile = tiles_of<Tiles>(end - begin) == 1;
  const size_t block_groups = one_tile ? p.groups : groups_in_block(p.x.span);
  product<Tiles>(p, block_groups, begin, end, later,
                 [](GroupRange, Product&) { return ReadAhead(); });
}

void quantized_matmul(const QuantizedRows& x, size_t begin, size_t end, WeightView w, size_t n,
                      const float* bias, float* y, size_t y_stride, const ReadList& later) {
  if (n == 0 || begin == end) return;
  const size_t groups = x.taps * x.groups;
  const Product p{x, w.data, n, groups, panel_bytes(w.dtype, groups * kGroup), bias, y, y_stride};
  const bool one_row = end - begin == 1;
  if (w.dtype == DType::int8) {
    if (one_row) return product_row<Int8Slice, kWideOfOneRow>(p, begin, 0);
    if (x.span >= kLongSpan) return product_of_rows<BlockTiles>(p, begin, end, later);
    product_of_rows<FineTiles<Int8Slice>>(p, begin, end, later);
  } else {
    if (one_row) return product_row<Int4Slice, kWideOfOneRow>(p, begin, 0);
    product_of_rows<FineTiles<Int4Slice>>(p, begin, end, later);
  }
}

/// The gates of the block that begins with group `first`, which the rows begin .. end read.
ReadAhead gates_of_block(const GatedRows& x, size_t begin, size_t end, size_t groups,
                         size_t first) {
  const Int8Rows gates{x.gates.data, groups * kGroup};
  const size_t rows = std::min(end - begin, x.modules - begin % x.modules);
  const size_t bytes = std::min(kBlockGroups, groups - first) * kGroup;
  return {reinterpret_cast<const std::byte*>(gates[begin % x.modules].bytes) + first * kGroup,
          bytes, rows, row_bytes(DType::int8, groups * kGroup)};
}

/// The spans of a block of groups, row by row.
class SpansOfBlock {
 public:
  SpansOfBlock(const GatedRows& x, size_t begin, const Product& p, GroupRange range,
               const QuantizedGroups& block)
      : x_(x),
        gates_{x.gates.data, p.groups * kGroup},
        rows_(p.x),
        range_(range),
        block_(block),
        module_(begin % x.modules),
        position_(begin / x.modules),
        groups_(p.groups),
        from_(range.begin) {}

  size_t of_row() const { return (range_.end - range_.begin + rows_.span - 1) / rows_.span; }

  GatedSpan next() {
    if (from_ >= range_.end) next_row();
    const size_t to = row_ * rows_.position_stride + from_ - range_.begin;
    const size_t from = std::exchange(from_, from_ + rows_.span);
    return {std::min(rows_.span, range_.end - from),
            {x_.x.values + (position_ * groups_ + from) * kGroup,
             x_.x.scales + position_ * spans_of(groups_) + from / rows_.span},
            gates_[module_] + from * kGroup,
            {block_.values + to * kGroup, block_.scales + to, block_.sums + to}};
  }

 private:
  void next_row() {
    ++row_;
    from_ = range_.begin;
    if (++module_ < x_.modules) return;
    module_ = 0;
    ++position_;
  }

  GatedRows x_;
  Int8Rows gates_;
  QuantizedRows rows_;
  GroupRange range_;
  QuantizedGroups block_;
  size_t module_;
  size_t position_;
  size_t groups_;
  size_t from_;
  size_t row_ = 0;
};

/// Gates and quantises a block of the rows begin .. end, into the first rows of p.x.
template <class Slice>
void quantize_block(const GatedRows& x, size_t begin, size_t end, GroupRange range,
                    const QuantizedGroups& block, Product& p) {
  constexpr SpanSums kSums = Slice::kScaledByGroup ? SpanSums::of_groups : kFirstSum;
  SpansOfBlock spans(x, begin, p, range, block);
  quantize_gated_spans<kSums>((end - begin) * spans.of_row(), [&] { return spans.next(); });
  p.x_from = range.begin;
  p.x.groups = range.end - range.begin;
}

template <class Tiles>
void gated_product(const GatedRows& x, size_t begin, size_t end, const QuantizedGroups& block,
                   const Product& p, const ReadList& later) {
  // The first gates lie far apart, and x in the cache of another core: without being asked for,
  // they would come one after the other.
  ReadAhead start = gates_of_block(x, begin, end, p.groups, 0);
  start.ask(start.lines());
  const size_t row = p.groups * kGroup;
  const int16_t* values = x.x.values + begin / x.modules * row;
  ReadAhead input(reinterpret_cast<const std::byte*>(values), row * sizeof(int16_t));
  input.ask(input.lines());
  product<Tiles>(p, kBlockGroups, 0, end - begin, later, [&](GroupRange range, Product& product) {
    quantize_block<typename Tiles::Slice>(x, begin, end, range, block, product);
    return gates_of_block(x, begin, end, p.groups, range.end);
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
  rows.span = span_of(groups);
  rows.position_stride = kBlockGroups;
  const Product p{rows,    w.data, n,       groups, panel_bytes(w.dtype, groups * kGroup),
                  nullptr, y,      y_stride};
  if (w.dtype == DType::int8) {
    gated_product<BlockTiles>(x, begin, end, block, p, later);
  } else {
    gated_product<FineTiles<Int4Slice>>(x, begin, end, block, p, later);
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
