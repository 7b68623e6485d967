// LayerNorm, or RMS normalisation when it does not centre (Trax: LayerNorm).
#pragma once

#include "core/layers/layer.h"
#include "core/weights.h"

namespace terse {

class LayerNorm : public Layer {
 public:
  /// Tensors: scale [d], and bias [d] when it centres.
  LayerNorm(const Weights& weights, size_t d, bool center = true);

  void forward(ConstMatrix x, LayerStates, Workspace& work, Matrix y) const override;
  kernels::ReadList reads_first() const override;

 private:
  void forward_shared(const float* x, Workspace& work, float* y) const;

  const float* scale_;
  const float* bias_;
  size_t d_;
  bool center_;
};

}  // namespace terse
