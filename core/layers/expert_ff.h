// Feed-forward layers that send each position to one of several experts (Trax: BlockSparseFF,
// SwitchSparseFF).
#pragma once

#include "core/kernels/weight_view.h"
#include "core/layers/layer.h"
#include "core/weights.h"

namespace terse {

/// e = argmax(controller x), the first on ties; y = bias + sum_u relu(scale <x, W1[e, u]>) W2[e, u]
///
/// Block: scale = 1. Switch: scale = softmax(controller x)[e].
class ExpertFF : public Layer {
 public:
  enum class Routing { block, switch_ };

  struct Config {
    size_t d_model;
    size_t d_ff;  // of all experts together
    size_t n_experts;
    Routing routing;
  };

  /// Tensors: controller [n_experts, d_model], units [n_experts, d_ff / n_experts, 2, d_model],
  /// bias [d_model].
  ExpertFF(const Weights& weights, const Config& config);

  void forward(ConstMatrix x, LayerStates, Workspace& work, Matrix y) const override;

 private:
  // What one position asks of its expert.
  struct Route {
    kernels::WeightView units;  // [d_ff / n_experts, 2, d_model]
    float scale;
  };
  Route route(const float* logits) const;
  void hidden_of(const Route& route, const float* x, const uint32_t* zeros, size_t begin,
                 size_t end, float* hidden) const;
  void forward_one(const Route& route, ConstMatrix x, const uint32_t* zeros, Workspace& work,
                   Matrix y) const;
  void forward_many(ConstMatrix logits, ConstMatrix x, const uint32_t* zeros, Workspace& work,
                    Matrix y) const;

  Config config_;
  size_t expert_size_;  // units of one expert
  Tensor controller_, units_;
  const float* bias_;
};

}  // namespace terse
