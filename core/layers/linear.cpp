#include "core/layers/linear.h"

#include <algorithm>

#include "core/kernels/matmul.h"
#include "core/kernels/quantized_matmul.h"
#include "core/layers/columns.h"

namespace terse {
namespace {

// A part of a product that is worth waking another thread for, in multiply-adds.
constexpr size_t kWorthSplitting = size_t{1} << 14;
// The same where the multiply-adds are those of bytes.
constexpr size_t kWorthSplittingBytes = size_t{1} << 15;

// Weights that are cheap to read by every thread: they stay in its second-level cache.
constexpr size_t kSmallMatrix = size_t{1} << 16;
// Rows whose work outweighs reading the weights.
constexpr size_t kManyRows = 64;

// Whether the threads should share the rows, and each read all weights. With the rows of a few
// texts in lock-step, each weight is to be read by one thread only.
bool share_rows(size_t rows, size_t d_in, size_t d_out, size_t enough_rows) {
  return rows >= enough_rows && (rows >= kManyRows || d_in * d_out <= kSmallMatrix);
}

size_t grain_for(size_t worth, size_t cost_of_one) {
  return std::max<size_t>(1, worth / std::max<size_t>(1, cost_of_one));
}

}  // namespace

void linear(ConstMatrix x, kernels::WeightView w, const float* bias, Workspace& work, Matrix y,
            const kernels::ReadList& later) {
  if (is_quantized(w.dtype)) {
    const Scratch::Frame frame(work.scratch);
    linear(quantized(x, work), w, bias, work.threads, y, later);
    return;
  }
  const size_t d_in = x.cols;
  const size_t d_out = y.cols;
  Threads& threads = work.threads;
  if (share_rows(x.rows, d_in, d_out, 4 * threads.size())) {
    threads.for_ranges(x.rows, grain_for(kWorthSplitting, d_in * d_out),
                       [&](size_t begin, size_t end) {
                         kernels::matmul(x.row(begin), x.stride, end - begin, w, d_out, d_in, bias,
                                         y.row(begin), y.stride, later.part(begin, end, x.rows));
                       });
    return;
  }
  const size_t grain = std::max<size_t>(16, grain_for(kWorthSplitting, d_in * x.rows));
  threads.for_ranges(d_out, grain, [&](size_t begin, size_t end) {
    kernels::matmul(x.data, x.stride, x.rows, w.outputs(begin, d_in), end - begin, d_in,
                    bias == nullptr ? nullptr : bias + begin, y.data + begin, y.stride,
                    later.part(begin, end, d_out));
  });
}

void linear(const kernels::QuantizedRows& x, kernels::WeightView w, const float* bias,
            Threads& threads, Matrix y, const kernels::ReadList& later) {
  const size_t d_in = x.taps * x.groups * kGroup;
  if (share_rows(x.m, d_in, y.cols, 16 * threads.size())) {
    threads.for_ranges(x.m, grain_for(kWorthSplittingBytes, d_in * y.cols),
                       [&](size_t begin, size_t end) {
                         kernels::quantized_matmul(x, begin, end, w, y.cols, bias, y.data, y.stride,
                                                   later.part(begin, end, x.m));
                       });
    return;
  }
  const size_t panels = round_up(y.cols, kPanel) / kPanel;
  const size_t grain = grain_for(kWorthSplittingBytes, d_in * kPanel * x.m);
  threads.for_ranges(panels, grain, [&](size_t begin, size_t end) {
    const size_t first = begin * kPanel;
    kernels::quantized_matmul(x, 0, x.m, w.outputs(first, d_in),
                              std::min(end * kPanel, y.cols) - first,
                              bias == nullptr ? nullptr : bias + first, y.data + first, y.stride,
                              later.part(begin, end, panels));
  });
}

kernels::ReadList reads_of(const Tensor& weights, TensorKind kind) {
  return kernels::ReadAhead::whole(weights.data, bytes_of(weights.dtype, kind, weights.shape));
}

ByteRows::ByteRows(size_t rows, size_t cols, Scratch& scratch) : cols_(cols) {
  const size_t groups = groups_of(cols);
  groups_ = {scratch.bytes(rows * groups * kGroup).data(), scratch.floats(rows * groups).data(),
             scratch.integers(rows * groups).data()};
  rows_.values = groups_.values;
  rows_.scales = groups_.scales;
  rows_.sums = groups_.sums;
  rows_.m = rows;
  rows_.groups = groups;
  rows_.span = kernels::span_of(groups);
  rows_.position_stride = groups;
}

kernels::QuantizedGroups ByteRows::row(size_t i) const {
  const size_t first = i * rows_.groups;
  return {groups_.values + first * kGroup, groups_.scales + first, groups_.sums + first};
}

void ByteRows::fill(ConstMatrix x, Threads& threads) const {
  for_spans(x, threads, [&](size_t i, size_t begin, size_t end) {
    const size_t group = i * rows_.groups + begin / kGroup;
    kernels::quantize(
        x.row(i) + begin, end - begin, rows_.span,
        {groups_.values + group * kGroup, groups_.scales + group, groups_.sums + group});
  });
}

kernels::QuantizedRows quantized(ConstMatrix x, Workspace& work) {
  const ByteRows bytes(x.rows, x.cols, work.scratch);
  bytes.fill(x, work.threads);
  return bytes.rows();
}

}  // namespace terse
