// Learned positions, plain or factorised (Trax: PositionalEncoding, with d_feature).
#pragma once

#include <optional>

#include "core/layers/positions.h"

namespace terse {

/// encoding(p) = table[p], or table[p] projection^T when factorised.
class LearnedPositions : public PositionalEncoding {
 public:
  /// Tensors: table [max_len, d]; factorised: table [max_len, d_feature], projection [d,
  /// d_feature].
  LearnedPositions(const Weights& weights, size_t max_len, size_t d,
                   std::optional<size_t> d_feature);

  void add(size_t first, Workspace& work, Matrix y) const override;
  size_t limit() const override { return table_.rows(); }

 private:
  Tensor table_;
  std::optional<Tensor> projection_;
};

}  // namespace terse
