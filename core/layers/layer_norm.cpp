#include "core/layers/layer_norm.h"

#include "core/kernels/layer_norm.h"

namespace terse {

LayerNorm::LayerNorm(const Weights& weights, size_t d, bool center)
    : scale_(weights.vector("scale", {d}).data()),
      bias_(center ? weights.vector("bias", {d}).data() : nullptr),
      d_(d),
      center_(center) {}

void LayerNorm::forward(ConstMatrix x, LayerStates, Workspace&, Matrix y) const {
  for (size_t i = 0; i < x.rows; ++i) {
    kernels::layer_norm(x.row(i), x.cols, scale_, bias_, center_, y.row(i));
  }
}

kernels::ReadList LayerNorm::reads_first() const {
  const auto reads = [&](const float* values) -> kernels::ReadList {
    return kernels::ReadAhead::whole(reinterpret_cast<const std::byte*>(values),
                                     values == nullptr ? 0 : d_ * sizeof(float));
  };
  return reads(scale_).then(reads(bias_));
}

}  // namespace terse
