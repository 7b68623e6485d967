#include "core/layers/linear.h"

#include <algorithm>

#include "core/kernels/matmul.h"

namespace terse {
namespace {

// A part of a product that is worth waking another thread for, in multiply-adds.
constexpr size_t kWorthSplitting = size_t{1} << 17;

size_t grain_for(size_t cost_of_one) {
  return std::max<size_t>(1, kWorthSplitting / std::max<size_t>(1, cost_of_one));
}

}  // namespace

void linear(ConstMatrix x, kernels::WeightView w, const float* bias, Threads& threads, Matrix y) {
  const size_t d_in = x.cols;
  const size_t d_out = y.cols;
  if (x.rows >= 4 * threads.size()) {
    threads.for_ranges(x.rows, grain_for(d_in * d_out), [&](size_t begin, size_t end) {
      kernels::matmul(x.row(begin), x.stride, end - begin, w, d_out, d_in, bias, y.row(begin),
                      y.stride);
    });
    return;
  }
  const size_t grain = std::max<size_t>(16, grain_for(d_in * x.rows));
  threads.for_ranges(d_out, grain, [&](size_t begin, size_t end) {
    kernels::matmul(x.data, x.stride, x.rows, w.from(begin * d_in), end - begin, d_in,
                    bias == nullptr ? nullptr : bias + begin, y.data + begin, y.stride);
  });
}

}  // namespace terse
