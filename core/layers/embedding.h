// Embedding: token ids to vectors (Trax: Embedding).
#pragma once

#include <cstdint>
#include <span>

#include "core/matrix.h"
#include "core/weights.h"

namespace terse {

class Embedding {
 public:
  /// Tensor: table [vocab, d].
  Embedding(const Weights& weights, size_t vocab, size_t d);

  size_t vocab() const { return table_.rows(); }

  /// y: [n, d], one row for each id. Throws InputError for an id outside the vocabulary.
  void forward(std::span<const int32_t> ids, Matrix y) const;

 private:
  Tensor table_;
};

}  // namespace terse
