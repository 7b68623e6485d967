// The paper's sparse feed-forward layer: a low-rank controller picks one unit in each block
// (section 3.1; Trax: SparseFF).
#pragma once

#include "core/layers/layer.h"
#include "core/weights.h"

namespace terse {

/// choice[b] = argmax_e (x down^T up[b])[e] + bias[b, e]; y = bias + sum_b relu(<x, W1[b, choice]>)
/// W2[b, choice]. Only the chosen rows are read.
///
/// With multiply_by_controller_output, each relu is multiplied by its block's softmax at the
/// choice.
class SparseFF : public Layer {
 public:
  struct Config {
    size_t d_model;
    size_t d_ff;
    size_t n_elements_in_block;  // the paper's N
    size_t d_lowrank;
    bool multiply_by_controller_output = false;
  };

  /// Tensors: controller.down [d_lowrank, d_model], controller.up [blocks, d_lowrank, N],
  /// controller.bias [blocks, N], units [blocks, N, 2, d_model], bias [d_model]; blocks = d_ff / N.
  SparseFF(const Weights& weights, const Config& config);

  void forward(ConstMatrix x, LayerState*, Workspace& work, Matrix y) const override;

 private:
  void forward_one(ConstMatrix x, Workspace& work, Matrix y) const;
  void forward_tile(ConstMatrix x, Workspace& work, Matrix y) const;
  void scale_by_controller(const float* low, size_t first_block, size_t count,
                           const uint32_t* choice, float* hidden) const;

  Config config_;
  size_t blocks_;
  Tensor down_, up_, units_;
  const float* controller_bias_;
  const float* bias_;
};

}  // namespace terse
