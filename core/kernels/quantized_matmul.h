// The product of quantised activations with a quantised matrix in panels.
#pragma once

#include <cstddef>

#include "core/kernels/quantize.h"
#include "core/kernels/read_ahead.h"
#include "core/kernels/weight_view.h"

namespace terse::kernels {

/// y[i, j] = bias[j] + sum_k x[i, k] * w[j, k]    for begin <= i < end, j < n
///
/// w: a matrix in panels of x.taps * x.groups whole groups; `w` may start at any panel. bias: [n]
/// or null. y: [x.m, n], rows y_stride apart. Every output is summed in the same order whatever the
/// ranges: integers within a span, then the spans in ascending order. With several rows, asks for
/// `later` meanwhile.
void quantized_matmul(const QuantizedRows& x, size_t begin, size_t end, WeightView w, size_t n,
                      const float* bias, float* y, size_t y_stride, const ReadList& later = {});

/// Groups of a block: as many as leave a step's weights in a first-level cache, and whole spans.
constexpr size_t kBlockGroups = 16;
static_assert(kBlockGroups % kMostSpan == 0);

/// Rows of activations that are a position's values times a module's gates: row i is that of
/// position i / modules and module i % modules.
struct GatedRows {
  GateInput x;       // [positions, groups of k]
  WeightView gates;  // [modules, k], int8 rows
  size_t modules;
};

/// y[i, j] = sum_k x[i, k] * w[j, k]    for begin <= i < end, j < n; the rows of x are quantised.
///
/// w, `later` and the order of the sums: as above. y: [end - begin, n]; it holds the sums
/// meanwhile. block: room for kBlockGroups groups of each of the rows begin .. end.
void gated_matmul(const GatedRows& x, size_t begin, size_t end, WeightView w, size_t n, size_t k,
                  const QuantizedGroups& block, float* y, size_t y_stride,
                  const ReadList& later = {});

}  // namespace terse::kernels
