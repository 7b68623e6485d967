// LocallyConnectedDense: every module of the output looks at its neighbours on a ring of modules
// (Trax: LocallyConnectedDense).
#pragma once

#include "core/layers/layer.h"
#include "core/weights.h"

namespace terse {

/// y[m] = weight[m] (x[m - width / 2], ..., x[m + width / 2]) + bias[m], modules counted around the
/// ring.
///
/// Input and output are split into `modules` parts each; every output part has weights of its own.
class LocallyConnectedDense : public Layer {
 public:
  struct Config {
    size_t modules;
    size_t d_in;
    size_t d_out;
    size_t width = 1;  // modules that an output sees, odd
  };

  /// Tensors: weight [modules, d_out / modules, width * d_in / modules], bias [modules, d_out /
  /// modules].
  LocallyConnectedDense(const Weights& weights, const Config& config);
  /// The same with tensors that have other names.
  LocallyConnectedDense(const Config& config, const Tensor& weight, const float* bias);

  void forward(ConstMatrix x, LayerStates, Workspace& work, Matrix y) const override;

 private:
  size_t module_in() const { return config_.d_in / config_.modules; }
  size_t module_out() const { return config_.d_out / config_.modules; }

  Config config_;
  Tensor weight_;
  const float* bias_;
};

/// LocallyConnectedDense, or the Dense that Trax builds when there is a single module.
std::unique_ptr<Layer> make_locally_connected_dense(const Weights& weights,
                                                    const LocallyConnectedDense::Config& config);

}  // namespace terse
