#include "core/layers/layer_norm.h"

#include <algorithm>

#include "core/kernels/layer_norm.h"
#include "core/layers/columns.h"

namespace terse {

LayerNorm::LayerNorm(const Weights& weights, size_t d, bool center)
    : scale_(weights.vector("scale", {d}).data()),
      bias_(center ? weights.vector("bias", {d}).data() : nullptr),
      d_(d),
      center_(center) {}

void LayerNorm::forward(ConstMatrix x, LayerStates, Workspace& work, Matrix y) const {
  if (x.rows == 1 && d_ >= work.threads.size() * worth_sharing(1)) {
    forward_shared(x.data, work, y.data);
    return;
  }
  work.threads.for_ranges(x.rows, worth_sharing(x.rows) / d_ + 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      kernels::layer_norm(x.row(i), d_, scale_, bias_, center_, y.row(i));
    }
  });
}

// One long vector, of which each thread takes some parts.
void LayerNorm::forward_shared(const float* x, Workspace& work, float* y) const {
  const Scratch::Frame frame(work.scratch);
  const size_t parts = kernels::norm_parts(d_);
  const std::span<kernels::Moments> moments = work.scratch.values<kernels::Moments>(parts);
  const auto for_parts = [&](const auto& use) {
    work.threads.for_ranges(parts, 1, [&](size_t begin, size_t end) {
      for (size_t p = begin; p < end; ++p) {
        const size_t first = p * kernels::kNormPart;
        use(p, first, std::min(kernels::kNormPart, d_ - first));
      }
    });
  };
  for_parts([&](size_t p, size_t first, size_t n) {
    moments[p] = kernels::moments_of(x + first, n, center_);
  });
  const kernels::Norm norm = kernels::norm_of(moments, d_);
  for_parts([&](size_t, size_t first, size_t n) {
    kernels::normalise(x + first, n, norm, scale_ + first,
                       bias_ == nullptr ? nullptr : bias_ + first, y + first);
  });
}

kernels::ReadList LayerNorm::reads_first() const {
  const auto reads = [&](const float* values) -> kernels::ReadList {
    return kernels::ReadAhead::whole(reinterpret_cast<const std::byte*>(values),
                                     values == nullptr ? 0 : d_ * sizeof(float));
  };
  return reads(scale_).then(reads(bias_));
}

}  // namespace terse
