// What residual and reversible stacks have in common: one stream gets what a layer makes of the
// same or of another one.
#pragma once

#include "core/layers/columns.h"
#include "core/layers/layer.h"

namespace terse {

/// y += layer(x). x, y: [n, d]; they may be the same.
inline void add_layer(const Layer& layer, ConstMatrix x, LayerStates states, Workspace& work,
                      Matrix y) {
  const Scratch::Frame frame(work.scratch);
  const Matrix change = work.scratch.matrix(y.rows, y.cols);
  layer.forward(x, states, work, change);
  add_to(change, work.threads, y);
}

}  // namespace terse
