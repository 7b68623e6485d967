// Positions as digits in four number systems (Trax: FixedBasePositionalEncoding).
#pragma once

#include "core/layers/positions.h"

namespace terse {

/// encoding(p) = sum over the bases 11, 13, 14, 15 of [digit_0 v_0, ..., digit_7 v_7], the least
/// significant digit first; position 0 also gets `start`.
class FixedBasePositions : public PositionalEncoding {
 public:
  /// Tensors: digits [4, 8, d / 8], start [d]. Throws ModelError unless 8 divides d.
  FixedBasePositions(const Weights& weights, size_t d);

  void add(size_t first, Workspace& work, Matrix y) const override;
  size_t limit() const override;

 private:
  const float* digits_;
  const float* start_;
};

}  // namespace terse
