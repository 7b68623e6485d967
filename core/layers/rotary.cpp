#include "core/layers/rotary.h"

#include <cmath>

namespace terse {
namespace {

constexpr size_t kGrain = size_t{1} << 12;  // coordinates worth another thread

void rotate_row(float position, float* x, size_t d) {
  const float step = std::log(10000.0f) / float(d);
  for (size_t j = 0; j < d / 2; ++j) {
    const float angle = position * std::exp(-float(2 * j) * step);
    const float cosine = std::cos(angle);
    const float sine = std::sin(angle);
    const float low = x[j];
    const float high = x[j + d / 2];
    x[j] = low * cosine - high * sine;
    x[j + d / 2] = high * cosine + low * sine;
  }
}

}  // namespace

void rotate(size_t first, Threads& threads, Matrix x) {
  threads.for_ranges(x.rows, kGrain / x.cols + 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) rotate_row(float(first + i), x.row(i), x.cols);
  });
}

}  // namespace terse
