#include "core/layers/axial_positions.h"

#include <numeric>

#include "core/error.h"
#include "core/kernels/vector.h"

namespace terse {

AxialPositions::AxialPositions(const Weights& weights, const std::vector<size_t>& shape,
                               const std::vector<size_t>& d_embs, size_t d) {
  if (shape.size() != d_embs.size()) {
    throw ModelError("axial positions: shape has " + std::to_string(shape.size()) +
                     " axes, d_embs has " + std::to_string(d_embs.size()));
  }
  const size_t sum = std::accumulate(d_embs.begin(), d_embs.end(), size_t{0});
  if (sum != d) {
    throw ModelError("axial positions: d_embs make up " + std::to_string(sum) +
                     " features, d_model is " + std::to_string(d));
  }
  for (size_t i = 0; i < shape.size(); ++i) {
    const auto table = weights.vector("axis" + std::to_string(i), {shape[i], d_embs[i]});
    axes_.push_back({shape[i], d_embs[i], table.data()});
  }
}

size_t AxialPositions::limit() const {
  size_t points = 1;
  for (const Axis& axis : axes_) points *= axis.length;
  return points;
}

void AxialPositions::add(size_t first, Workspace&, Matrix y) const {
  for (size_t i = 0; i < y.rows; ++i) {
    // The last axis runs fastest.
    size_t rest = first + i;
    float* end = y.row(i) + y.cols;
    for (auto axis = axes_.rbegin(); axis != axes_.rend(); ++axis) {
      end -= axis->width;
      kernels::add(axis->table + rest % axis->length * axis->width, axis->width, end);
      rest /= axis->length;
    }
  }
}

}  // namespace terse
