// The paper's sparse feed-forward layer: a low-rank controller picks one unit in each block
// (section 3.1; Trax: SparseFF).
#pragma once

#include "core/kernels/quantize.h"
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

  void forward(ConstMatrix x, LayerStates, Workspace& work, Matrix y) const override;
  kernels::ReadList reads_first() const override;

 private:
  // Activations, in bytes too where the weights that see them are quantised.
  struct Input {
    ConstMatrix in_floats;
    kernels::QuantizedRows in_bytes;
  };
  // What the units see, and what the controller's second matrix sees: x and x down^T.
  struct Inputs {
    Input x;
    Input low;
  };

  void forward_few(ConstMatrix x, Workspace& work, Matrix y) const;
  void forward_tile(ConstMatrix x, Workspace& work, Matrix y) const;
  void add_chunk(const Input& x, const Input& low, size_t position, size_t chunk, size_t known,
                 const uint32_t* choice, float* hidden, float* sum) const;
  Inputs inputs(ConstMatrix x, Workspace& work) const;
  void hidden_of(const Input& x, size_t position, kernels::WeightView units, const uint32_t* choice,
                 size_t blocks, size_t known, float* hidden) const;
  // The choices of blocks begin .. end at one position of x.
  void choose(const Input& low, size_t position, size_t begin, size_t end, uint32_t* choice) const;
  void scale_by_controller(const Input& low, size_t position, size_t begin, size_t end,
                           const uint32_t* choice, float* hidden) const;
  void block_logits(const Input& low, size_t position, size_t b, std::span<float> logits) const;

  Config config_;
  size_t blocks_;
  Tensor down_, up_, units_;
  const float* controller_bias_;
  const float* bias_;
};

}  // namespace terse
