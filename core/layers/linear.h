// A matrix product spread over the threads: what all dense-like layers share.
#pragma once

#include <algorithm>

#include "core/kernels/quantize.h"
#include "core/kernels/weight_view.h"
#include "core/matrix.h"
#include "core/workspace.h"

namespace terse {

/// y = x w^T + bias. x: [n, d_in], w: [d_out, d_in] contiguous or in panels, bias: [d_out] or null,
/// y: [n, d_out]. The same bits for any number of threads and any grouping of positions. `later`:
/// what is read afterwards, its ranges shared by the threads.
void linear(ConstMatrix x, kernels::WeightView w, const float* bias, Workspace& work, Matrix y,
            const kernels::ReadList& later = {});

/// The same with activations that are quantised already, for a quantised w.
void linear(const kernels::QuantizedRows& x, kernels::WeightView w, const float* bias,
            Threads& threads, Matrix y, const kernels::ReadList& later = {});

/// Rows of activations in 8 bits, in memory of the scratch's current frame.
class ByteRows {
 public:
  ByteRows(size_t rows, size_t cols, Scratch& scratch);

  /// Quantises all rows of x.
  void fill(ConstMatrix x, Threads& threads) const;

  const kernels::QuantizedRows& rows() const { return rows_; }
  /// Where row i is written, and those behind it.
  kernels::QuantizedGroups row(size_t i) const;

 private:
  size_t cols_;
  kernels::QuantizedGroups groups_;
  kernels::QuantizedRows rows_;
};

/// All of x in 8 bits.
kernels::QuantizedRows quantized(ConstMatrix x, Workspace& work);

/// All bytes of an array of weights.
kernels::ReadList reads_of(const Tensor& weights, TensorKind kind);

}  // namespace terse
