// LocallyConvDense: a convolution over (length, modules) that all modules share (Trax:
// LocallyConvDense; paper, 3.2).
#pragma once

#include "core/layers/layer.h"
#include "core/weights.h"

namespace terse {

/// y[t, j] = bias + sum_{l, w, i} x[t - (length - 1) + l, j - (width - 1) / 2 + w, i] kernel[:, l,
/// w, i]
///
/// The d_in features of a position are split into `modules` parts. Before the first position, and
/// beyond the first and the last module, x is zero. Causal: the state holds the last length - 1
/// inputs.
class LocallyConvDense : public Layer {
 public:
  struct Config {
    size_t modules;
    size_t d_in;
    size_t d_out;
    size_t width = 1;   // kernel size over modules, odd
    size_t length = 1;  // kernel size over positions
  };

  /// Tensors: kernel [d_out / modules, length * width * d_in / modules], bias [d_out / modules].
  LocallyConvDense(const Weights& weights, const Config& config);

  std::unique_ptr<LayerState> new_state(const StateOptions&) const override;
  void forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const override;

 private:
  size_t module_in() const { return config_.d_in / config_.modules; }
  size_t module_out() const { return config_.d_out / config_.modules; }
  size_t padded_cols() const { return config_.d_in + (config_.width - 1) * module_in(); }
  struct Padded;
  Padded pad(ConstMatrix x, LayerStates states, Scratch& scratch) const;
  void gather(const Padded& padded, size_t begin, size_t n, const Matrix& patches) const;

  Config config_;
  Tensor kernel_;
  const float* bias_;
};

/// LocallyConvDense, or the Dense that Trax builds when there is a single module.
std::unique_ptr<Layer> make_locally_conv_dense(const Weights& weights,
                                               const LocallyConvDense::Config& config);

}  // namespace terse
