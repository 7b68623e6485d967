#include "core/layers/embedding.h"

#include "core/error.h"
#include "core/kernels/vector.h"

namespace terse {

Embedding::Embedding(const Weights& weights, size_t vocab, size_t d)
    : table_(weights.matrix("table", {vocab, d}, TensorKind::table)) {}

void Embedding::forward(std::span<const int32_t> ids, Matrix y) const {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || size_t(ids[i]) >= vocab()) {
      throw InputError("token id " + std::to_string(ids[i]) + " at position " + std::to_string(i) +
                       " is outside the vocabulary of " + std::to_string(vocab()));
    }
    kernels::widen(kernels::WeightView(table_).row(size_t(ids[i]), y.cols), y.cols, y.row(i));
  }
}

}  // namespace terse
