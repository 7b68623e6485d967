// Attention whose queries are its keys, between the projections (Trax: the pure_lsh_implementation
// of PureLSHSelfAttentionWrapper).
#pragma once

#include "core/layers/layer.h"

namespace terse {

/// Like a Layer with two inputs; the same rules hold.
class SharedQkAttention {
 public:
  virtual ~SharedQkAttention() = default;
  virtual std::unique_ptr<LayerState> new_state(const StateOptions& options) const = 0;
  /// qk: [n, heads * d_qk]. v, y: [n, heads * d_v].
  virtual void forward(ConstMatrix qk, ConstMatrix v, LayerState* state, Workspace& work,
                       Matrix y) const = 0;
};

}  // namespace terse
