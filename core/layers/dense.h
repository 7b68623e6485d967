// Dense: y = x W^T + b (Trax: Dense; EinsumDense is the same function with the matrix stored the
// other way).
#pragma once

#include "core/layers/layer.h"
#include "core/weights.h"

namespace terse {

class Dense : public Layer {
 public:
  enum class Bias { yes, no };

  /// Tensors: weight [d_out, d_in], bias [d_out].
  Dense(const Weights& weights, size_t d_in, size_t d_out, Bias bias = Bias::yes);

  void forward(ConstMatrix x, LayerStates, Workspace& work, Matrix y) const override;
  kernels::ReadList reads_first() const override;

 private:
  Tensor weight_;
  const float* bias_ = nullptr;
};

}  // namespace terse
