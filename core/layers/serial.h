// Layers one behind the other (Trax: Serial), and the state of a layer that is made of others.
#pragma once

#include <memory>
#include <vector>

#include "core/layers/layer.h"

namespace terse {

/// The states of a layer's parts, in order; null for a part that remembers nothing.
struct StateList : LayerState {
  std::unique_ptr<LayerState> clone() const override;
  size_t bytes() const override;
  size_t bytes_read() const override;

  std::vector<std::unique_ptr<LayerState>> parts;
};

/// The states of part i; null where the whole has none.
LayerStates part_of(LayerStates lists, size_t i, Scratch& scratch);

class Serial : public Layer {
 public:
  struct Part {
    std::unique_ptr<Layer> layer;
    size_t d_out;
  };

  Serial() = default;

  /// Appends a layer. The last one writes the output.
  template <class L>
  void push(L&& layer, size_t d_out) {
    parts_.push_back({std::forward<L>(layer), d_out});
  }

  std::unique_ptr<LayerState> new_state(const StateOptions& options) const override;
  void forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const override;
  kernels::ReadList reads_first() const override;

 private:
  std::vector<Part> parts_;
};

}  // namespace terse
