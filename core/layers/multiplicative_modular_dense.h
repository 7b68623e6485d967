// MultiplicativeModularSparseDense: a multiplicative layer, then a small matrix for each module
// (Trax: MultiplicativeModularSparseDense).
#pragma once

#include "core/layers/factored_dense.h"
#include "core/layers/layer.h"
#include "core/layers/locally_connected_dense.h"
#include "core/weights.h"

namespace terse {

/// y[h] = modular[h] (projection (x * multiplier[h])) + bias[h]    for each of `modules` modules
class MultiplicativeModularDense : public Layer {
 public:
  /// Tensors, with m = d / modules: multiplier [modules, d], projection [m, d], modular [modules,
  /// m, m], bias [d].
  MultiplicativeModularDense(const Weights& weights, size_t modules, size_t d);

  void forward(ConstMatrix x, LayerStates, Workspace& work, Matrix y) const override;

 private:
  FactoredDense multiplicative_;
  LocallyConnectedDense modular_;
};

}  // namespace terse
