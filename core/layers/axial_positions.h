// Positions on a grid, one table for each axis (Trax: AxialPositionalEncoding).
#pragma once

#include <vector>

#include "core/layers/positions.h"

namespace terse {

/// encoding(p) = [axis0[i_0], axis1[i_1], ...], where (i_0, i_1, ...) is p in row-major order of
/// the grid.
class AxialPositions : public PositionalEncoding {
 public:
  /// Tensors: axisK [shape[K], d_embs[K]]. Throws ModelError unless the parts make up d.
  AxialPositions(const Weights& weights, const std::vector<size_t>& shape,
                 const std::vector<size_t>& d_embs, size_t d);

  void add(size_t first, Workspace& work, Matrix y) const override;
  /// The number of points of the grid.
  size_t limit() const override;

 private:
  struct Axis {
    size_t length;
    size_t width;
    const float* table;
  };

  std::vector<Axis> axes_;
};

}  // namespace terse
