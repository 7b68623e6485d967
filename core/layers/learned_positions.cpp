#include "core/layers/learned_positions.h"

#include "core/kernels/vector.h"
#include "core/layers/linear.h"

namespace terse {

LearnedPositions::LearnedPositions(const Weights& weights, size_t max_len, size_t d,
                                   std::optional<size_t> d_feature)
    : table_(weights.matrix("table", {max_len, d_feature.value_or(d)}, TensorKind::table)) {
  if (d_feature) projection_ = weights.matrix("projection", {d, *d_feature});
}

void LearnedPositions::add(size_t first, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const size_t width = table_.shape[1];
  const kernels::WeightView table(table_);
  const Matrix row = work.scratch.matrix(1, width);
  const Matrix encoding = projection_ ? work.scratch.matrix(1, y.cols) : row;
  for (size_t i = 0; i < y.rows; ++i) {
    kernels::widen(table.row(first + i, width), width, row.data);
    if (projection_) linear(row, *projection_, nullptr, work, encoding);
    kernels::add(encoding.data, y.cols, y.row(i));
  }
}

}  // namespace terse
