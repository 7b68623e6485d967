#include "core/layers/key_norm.h"

#include <cmath>

namespace terse {
namespace {

constexpr float kEpsilon = 1e-6f;
constexpr size_t kGrain = size_t{1} << 14;  // floats worth another thread

}  // namespace

void normalise_keys(ConstMatrix qk, size_t heads, Threads& threads, Matrix keys) {
  const size_t d = qk.cols / heads;
  threads.for_ranges(qk.rows, kGrain / qk.cols + 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      for (size_t head = 0; head < heads; ++head) {
        const Eigen::Map<const Eigen::ArrayXf> from(qk.row(i) + head * d, Eigen::Index(d));
        Eigen::Map<Eigen::ArrayXf> to(keys.row(i) + head * d, Eigen::Index(d));
        to = from / std::sqrt(from.square().mean() + kEpsilon);
      }
    }
  });
}

}  // namespace terse
