// The dense feed-forward layer: Dense, activation, Dense (Trax: _FeedForward).
#pragma once

#include "core/kernels/activation.h"
#include "core/layers/dense.h"
#include "core/layers/layer.h"

namespace terse {

class DenseFF : public Layer {
 public:
  /// Parts: in (d_model -> d_ff), out (d_ff -> d_model).
  DenseFF(const Weights& weights, size_t d_model, size_t d_ff, kernels::Activation activation);

  void forward(ConstMatrix x, LayerStates, Workspace& work, Matrix y) const override;

 private:
  size_t d_ff_;
  Dense in_, out_;
  kernels::Activation activation_;
};

}  // namespace terse
