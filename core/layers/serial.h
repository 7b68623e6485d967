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

/// The state of part i; null when the whole has none.
LayerState* part_of(LayerState* list, size_t i);

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
  void forward(ConstMatrix x, LayerState* state, Workspace& work, Matrix y) const override;

 private:
  std::vector<Part> parts_;
};

}  // namespace terse
