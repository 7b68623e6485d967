// A stack of residual layers over one stream (Trax: Serial of Residual).
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/layers/layer.h"

namespace terse {

/// y = x, then y += layer(y) for one layer after the other.
class ResidualStack : public Layer {
 public:
  /// `name` is what a Probe is told: "encoder", "decoder".
  ResidualStack(std::string_view name, std::vector<std::unique_ptr<Layer>> layers)
      : name_(name), layers_(std::move(layers)) {
    for (const auto& layer : layers_) reads_.push_back(layer->reads_first());
  }

  /// A StateList with a part for each layer.
  std::unique_ptr<LayerState> new_state(const StateOptions& options) const override;
  /// x, y: [n, d].
  void forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const override;

 private:
  // What is read after layer i; `after`: after the stack.
  kernels::ReadList reads_behind(size_t i, const kernels::ReadList& after) const;

  std::string_view name_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<kernels::ReadList> reads_;  // what each reads first
};

}  // namespace terse
