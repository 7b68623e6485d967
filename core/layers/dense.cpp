#include "core/layers/dense.h"

#include "core/layers/linear.h"

namespace terse {

Dense::Dense(const Weights& weights, size_t d_in, size_t d_out, Bias bias)
    : weight_(weights.matrix("weight", {d_out, d_in})) {
  if (bias == Bias::yes) bias_ = weights.vector("bias", {d_out}).data();
}

void Dense::forward(ConstMatrix x, LayerStates, Workspace& work, Matrix y) const {
  linear(x, weight_, bias_, work, y);
}

kernels::ReadList Dense::reads_first() const {
  return reads_of(weight_, TensorKind::matrix);
}

}  // namespace terse
