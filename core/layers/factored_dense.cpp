#include "core/layers/factored_dense.h"

#include <algorithm>

#include "core/error.h"
#include "core/kernels/gated_matmul.h"
#include "core/kernels/matmul.h"
#include "core/kernels/quantized_matmul.h"
#include "core/kernels/vector.h"
#include "core/layers/apart.h"
#include "core/layers/columns.h"
#include "core/layers/linear.h"

namespace terse {
namespace {

// Positions that are gated at once: enough rows to reuse the projection from the cache.
constexpr size_t kTile = 16;
// Values that are worth gating on another thread.
constexpr size_t kWorthSplitting = size_t{1} << 12;
// Multiply-adds that are worth another thread.
constexpr size_t kWorthMultiplying = size_t{1} << 15;
// Rows of a thread that outweigh its reading the whole projection.
constexpr size_t kRowsEach = 4;
// Bytes of a product that is over before it can ask for much by itself.
constexpr size_t kSmallProjection = size_t{1} << 17;
// Bytes of a projection of floats that stay in a second-level cache while a thread's rows pass.
constexpr size_t kCachedProjection = size_t{1} << 18;

}  // namespace

FactoredDense::FactoredDense(const Weights& weights, size_t modules, size_t d_in, size_t d_out,
                             bool with_bias)
    : modules_(modules) {
  if (modules == 0 || d_out % modules != 0) {
    throw ModelError(weights.full_name("projection") + ": output size " + std::to_string(d_out) +
                     " is no multiple of the " + std::to_string(modules) + " modules");
  }
  gating_ = weights.matrix("gating", {modules, d_in}, TensorKind::gates);
  projection_ = weights.matrix("projection", {d_out / modules, d_in});
  if (with_bias) bias_ = weights.vector("bias", {d_out}).data();
}

void FactoredDense::forward(ConstMatrix x, LayerStates, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const size_t d_module = y.cols / modules_;
  const size_t tile = std::min(kTile, x.rows);
  // A position's modules lie one behind the other, which is its output vector.
  const bool in_place = y.stride == y.cols;
  const Matrix copied = in_place ? Matrix() : work.scratch.matrix(tile * modules_, d_module);
  for (size_t begin = 0; begin < x.rows; begin += tile) {
    const size_t n = std::min(tile, x.rows - begin);
    const Matrix products(in_place ? y.row(begin) : copied.data, n * modules_, d_module);
    multiply(x.middle_rows(begin, n), work, products);
    if (!in_place) copy(ConstMatrix(copied.data, n, y.cols), y.middle_rows(begin, n));
  }
}

void FactoredDense::add_bias(Matrix products, size_t begin, size_t end) const {
  if (bias_ == nullptr) return;
  for (size_t i = begin; i < end; ++i) {
    kernels::add(bias_ + i % modules_ * products.cols, products.cols, products.row(i));
  }
}

// To all rows, behind linear(): each thread has much the same columns in its cache.
void FactoredDense::add_bias(Threads& threads, Matrix products) const {
  if (bias_ == nullptr) return;
  const size_t d = products.cols;
  for_columns(d, worth_sharing(products.rows / modules_) / products.rows, threads,
              [&](size_t begin, size_t end) {
                for (size_t i = 0; i < products.rows; ++i) {
                  kernels::add(bias_ + i % modules_ * d + begin, end - begin,
                               products.row(i) + begin);
                }
              });
}

kernels::ReadList FactoredDense::reads_first() const {
  const kernels::ReadList all =
      reads_of(gating_, TensorKind::gates).then(reads_of(projection_, TensorKind::matrix));
  const bool large = all.lines() * kernels::kLineBytes > kSmallProjection;
  // Of a large one the product asks for all in time.
  return is_quantized(projection_.dtype) && large ? kernels::ReadList() : all;
}

// products: [positions * modules, d_out / modules], with the bias.
void FactoredDense::multiply(ConstMatrix x, Workspace& work, Matrix products) const {
  const Scratch::Frame frame(work.scratch);
  if (is_quantized(projection_.dtype) && gating_.dtype == DType::int8) {
    multiply_in_bytes(x, work, products);
    return;
  }
  const size_t d = x.cols;
  const bool cached = !is_quantized(projection_.dtype) &&
                      matrix_bytes(projection_.dtype, products.cols, d) <= kCachedProjection;
  if (cached && x.rows == 1 && gating_.dtype == projection_.dtype) {
    multiply_one(x.data, d, work, products);
    return;
  }
  const Matrix gated = work.scratch.matrix(products.rows, d);
  const auto gate = [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      kernels::multiply(x.row(i / modules_), gates(i, d), d, gated.row(i));
    }
  };
  if (cached && products.rows >= kRowsEach * work.threads.size()) {
    // As with bytes: what a thread has gated it multiplies from its own cache.
    const size_t grain = kWorthMultiplying / (d * products.cols) + 1;
    work.threads.for_ranges(gated.rows, grain, [&](size_t begin, size_t end) {
      gate(begin, end);
      kernels::matmul(gated.row(begin), d, end - begin, projection_, products.cols, d, nullptr,
                      products.row(begin), products.stride,
                      work.upcoming.projection.part(begin, end, gated.rows));
      add_bias(products, begin, end);
    });
    return;
  }
  work.threads.for_ranges(gated.rows, kWorthSplitting / d + 1, gate);
  linear(gated, projection_, nullptr, work, products, work.upcoming.projection);
  add_bias(work.threads, products);
}

// A single position: threads share the outputs, so that each weight of the projection is read by
// one of them, and gate all rows, whose gates are far fewer.
void FactoredDense::multiply_one(const float* x, size_t d, Workspace& work, Matrix products) const {
  const size_t panels = round_up(products.cols, kPanel) / kPanel;
  const size_t grain = kWorthMultiplying / (d * kPanel * modules_) + 1;
  work.threads.for_ranges(panels, grain, [&](size_t begin, size_t end) {
    const size_t first = begin * kPanel;
    kernels::gated_matmul(x, gating_, modules_, kernels::WeightView(projection_).outputs(first, d),
                          std::min(end * kPanel, products.cols) - first, d,
                          bias_ == nullptr ? nullptr : bias_ + first, products.data + first,
                          products.stride, work.upcoming.projection.part(begin, end, panels));
  });
}

void FactoredDense::multiply_in_bytes(ConstMatrix x, Workspace& work, Matrix products) const {
  const size_t d = x.cols;
  const size_t groups = groups_of(d);
  const size_t spans = kernels::spans_of(groups);
  const std::span<int16_t> values = work.scratch.shorts(x.rows * groups * kGroup);
  const std::span<float> scales = work.scratch.floats(x.rows * spans);
  const auto input = [&](size_t position) {
    return kernels::GateInput{&values[position * groups * kGroup], &scales[position * spans]};
  };
  const size_t span = kernels::span_of(groups);
  for_spans(x, work.threads, [&](size_t i, size_t begin, size_t end) {
    kernels::prepare_gating(x.row(i) + begin, end - begin, span,
                            &values[i * groups * kGroup + begin],
                            &scales[i * spans + begin / (span * kGroup)]);
  });
  const size_t rows = products.rows;
  if (rows >= kRowsEach * work.threads.size()) {
    // Each thread gates and multiplies its own rows, which stay in its first-level cache in
    // between, as do their sums.
    const size_t byte_spread = spread(rows, kernels::kBlockGroups * sizeof(float), work.threads);
    const ByteRows block(byte_spread * rows, kernels::kBlockGroups * kGroup, work.scratch);
    const size_t sum_spread = spread(rows, products.cols * sizeof(float), work.threads);
    const Matrix sums = work.scratch.matrix(sum_spread * rows, products.cols);
    const size_t grain = kWorthMultiplying / (d * products.cols) + 1;
    work.threads.for_ranges(rows, grain, [&](size_t begin, size_t end) {
      const Matrix own = sums.middle_rows(sum_spread * begin, end - begin);
      kernels::gated_matmul({input(0), gating_, modules_}, begin, end, projection_, own.cols, d,
                            block.row(byte_spread * begin), own.data, own.stride,
                            work.upcoming.projection.part(begin, end, rows));
      copy(own, products.middle_rows(begin, end - begin));
      add_bias(products, begin, end);
    });
    return;
  }
  const ByteRows gated(rows, d, work.scratch);
  work.threads.for_ranges(rows, kWorthSplitting / d + 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      kernels::quantize_gated(input(i / modules_), gates(i, d), d, gated.row(i));
    }
  });
  linear(gated.rows(), projection_, nullptr, work.threads, products, work.upcoming.projection);
  add_bias(work.threads, products);
}

}  // namespace terse
