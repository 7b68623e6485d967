// LocallyConvDense: a convolution over (length, modules) that all modules share (Trax:
// LocallyConvDense; paper, 3.2).
#pragma once

#include <memory>

#include "core/layers/conv_input.h"
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

  ConvReach reach() const { return {config_.modules, module_in(), config_.width, config_.length}; }
  bool reads_bytes() const { return is_quantized(kernel_.dtype); }

  /// Panels of kPanel outputs of a module, and the multiply-adds of one at one position.
  size_t panels() const { return round_up(module_out(), kPanel) / kPanel; }
  size_t panel_cost() const { return config_.modules * kPanel * terms(); }

  /// What a thread computes: some rows, which are the modules of all positions one behind the
  /// other, and some panels. Of floats, whole positions.
  struct Part {
    size_t first_row, end_row;
    size_t first_panel, end_panel;
  };
  /// That part of y = forward(x), where `input` holds x. y: [positions, d_out], contiguous.
  /// `later`: what this thread reads afterwards.
  void compute(const ConvInput& input, const Part& part, const kernels::ReadList& later,
               Matrix y) const;

 private:
  size_t module_in() const { return config_.d_in / config_.modules; }
  size_t module_out() const { return config_.d_out / config_.modules; }
  // Of an output's sum; of bytes, with their padding.
  size_t terms() const {
    const size_t run = reads_bytes() ? groups_of(module_in()) * kGroup : module_in();
    return config_.length * config_.width * run;
  }

  Config config_;
  Tensor kernel_;
  const float* bias_;
};

/// LocallyConvDense, or the Dense that Trax builds when there is a single module.
std::unique_ptr<Layer> make_locally_conv_dense(const Weights& weights,
                                               const LocallyConvDense::Config& config);

}  // namespace terse
