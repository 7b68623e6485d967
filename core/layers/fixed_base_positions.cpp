#include "core/layers/fixed_base_positions.h"

#include "core/error.h"

namespace terse {
namespace {

constexpr size_t kBases[] = {11, 13, 14, 15};
constexpr size_t kDigits = 8;

}  // namespace

FixedBasePositions::FixedBasePositions(const Weights& weights, size_t d) {
  if (d % kDigits != 0) {
    throw ModelError(weights.full_name("digits") + ": d_model " + std::to_string(d) +
                     " is no multiple of the " + std::to_string(kDigits) + " digits");
  }
  digits_ = weights.vector("digits", {std::size(kBases), kDigits, d / kDigits}).data();
  start_ = weights.vector("start", {d}).data();
}

// Trax asks for fewer positions than the smallest base can count.
size_t FixedBasePositions::limit() const {
  size_t count = 1;
  for (size_t i = 0; i < kDigits; ++i) count *= kBases[0];
  return count - 1;
}

void FixedBasePositions::add(size_t first, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const size_t width = y.cols / kDigits;
  const std::span<float> encoding = work.scratch.floats(y.cols);
  for (size_t i = 0; i < y.rows; ++i) {
    for (float& value : encoding) value = 0.0f;
    const float* vectors = digits_;
    for (const size_t base : kBases) {
      size_t rest = first + i;
      for (size_t digit = 0; digit < kDigits; ++digit, rest /= base, vectors += width) {
        const float value = float(rest % base);
        for (size_t j = 0; j < width; ++j) encoding[digit * width + j] += value * vectors[j];
      }
    }
    for (size_t j = 0; first + i == 0 && j < y.cols; ++j) encoding[j] += start_[j];
    for (size_t j = 0; j < y.cols; ++j) y.row(i)[j] += encoding[j];
  }
}

}  // namespace terse
