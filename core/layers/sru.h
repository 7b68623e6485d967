// Simple Recurrent Unit (Trax: SRU).
#pragma once

#include "core/layers/dense.h"
#include "core/layers/layer.h"

namespace terse {

/// r, f, y = Dense(x); c_t = f c_{t-1} + (1 - f) y; out = r c_t + (1 - r) x sqrt(3). The state is
/// the cell c, zero at first.
class Sru : public Layer {
 public:
  /// Parts: dense (n_units -> 3 n_units).
  Sru(const Weights& weights, size_t n_units);

  std::unique_ptr<LayerState> new_state(const StateOptions&) const override;
  void forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const override;

 private:
  size_t n_units_;
  Dense dense_;
};

}  // namespace terse
