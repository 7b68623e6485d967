#include "core/layers/dense_ff.h"

namespace terse {

DenseFF::DenseFF(const Weights& weights, size_t d_model, size_t d_ff,
                 kernels::Activation activation)
    : d_ff_(d_ff),
      in_(weights / "in", d_model, d_ff),
      out_(weights / "out", d_ff, d_model),
      activation_(activation) {}

void DenseFF::forward(ConstMatrix x, LayerStates, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const Matrix hidden = work.scratch.matrix(x.rows, d_ff_);
  in_.forward(x, nullptr, work, hidden);
  kernels::activate(activation_, hidden.data, hidden.rows * hidden.cols);
  out_.forward(hidden, nullptr, work, y);
}

}  // namespace terse
