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

/// work(begin, end) on ranges of the columns [0, count), each at least `grain` long: ranges begin
/// where a row of any weight type may be cut.
template <class Work>
void for_columns(size_t count, size_t grain, Threads& threads, Work&& work) {
  threads.for_ranges(
      groups_of(count), groups_of(std::max<size_t>(grain, 64)),
      [&](size_t begin, size_t end) { work(begin * kGroup, std::min(end * kGroup, count)); });
}

/// Rows of activations in 8 bits, in memory of the scratch's current frame.
class ByteRows {
 public:
  ByteRows(size_t rows, size_t cols, Scratch& scratch);

  /// Quantises some rows of x. Threads may share the rows.
  void fill(ConstMatrix x, size_t begin, size_t end) const;

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
