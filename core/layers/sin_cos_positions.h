// Sines and cosines of the position (Trax: SinCosPositionalEncoding).
#pragma once

#include <vector>

#include "core/layers/positions.h"

namespace terse {

/// encoding(p) = [sin(p w_0), sin(p w_1), ..., cos(p w_0), cos(p w_1), ...], w_i = 10000^(-2i / d).
class SinCosPositions : public PositionalEncoding {
 public:
  /// Throws ModelError for an odd d.
  explicit SinCosPositions(size_t d);

  void add(size_t first, Workspace& work, Matrix y) const override;
  size_t limit() const override { return SIZE_MAX; }

 private:
  std::vector<float> frequencies_;  // [d / 2]
};

}  // namespace terse
