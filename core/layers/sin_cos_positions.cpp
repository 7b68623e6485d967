#include "core/layers/sin_cos_positions.h"

#include <cmath>

#include "core/error.h"

namespace terse {

SinCosPositions::SinCosPositions(size_t d) : frequencies_(d / 2) {
  if (d % 2 != 0) {
    throw ModelError("positions sin-cos: d_model " + std::to_string(d) +
                     " is odd; sines and cosines come in pairs");
  }
  // Rounded step by step as in Trax: a long text multiplies the last bit by its position.
  const float step = std::log(10000.0f) / float(d);
  for (size_t i = 0; i < frequencies_.size(); ++i) frequencies_[i] = std::exp(float(2 * i) * -step);
}

void SinCosPositions::add(size_t first, Workspace&, Matrix y) const {
  const size_t half = frequencies_.size();
  for (size_t i = 0; i < y.rows; ++i) {
    float* row = y.row(i);
    for (size_t j = 0; j < half; ++j) {
      const float angle = float(first + i) * frequencies_[j];
      row[j] += std::sin(angle);
      row[half + j] += std::cos(angle);
    }
  }
}

}  // namespace terse
