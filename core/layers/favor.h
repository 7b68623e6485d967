// FAVOR attention with ReLU features: linear in the length of the text (Trax: Favor, CausalFavor;
// arXiv 2006.03555).
#pragma once

#include "core/layers/attention_registry.h"
#include "core/layers/dot_product_attention.h"
#include "core/layers/qkv.h"

namespace terse {

/// With f(u) = relu(u) + epsilon: y_i = output(S f(q_i) / <s, f(q_i)>), where S = sum_j v_j
/// f(k_j)^T and s = sum_j f(k_j), head by head. There is no 1 / sqrt(d_qk).
///
/// Causal: j <= i, and the state holds S and s, so a step costs the same at any position. Otherwise
/// j runs over the whole sequence, which has to come in one call.
class Favor : public Layer {
 public:
  Favor(std::unique_ptr<QkvProjection> qkv, std::unique_ptr<Layer> output, const HeadShape& heads,
        Mask mask, float epsilon);

  std::unique_ptr<LayerState> new_state(const StateOptions& options) const override;
  void forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const override;

 private:
  void attend(ConstMatrix q, ConstMatrix k, ConstMatrix v, float* sums, Threads& threads,
              Matrix y) const;
  size_t sums_size() const { return heads_.heads * heads_.d_qk * (heads_.d_v + 1); }

  std::unique_ptr<QkvProjection> qkv_;
  std::unique_ptr<Layer> output_;
  HeadShape heads_;
  Mask mask_;
  float epsilon_;
};

/// Query, key, value and output are Dense layers. Argument: numerical_stabilizer (epsilon).
std::unique_ptr<Layer> make_favor(const AttentionArgs& args);
std::unique_ptr<Layer> make_causal_favor(const AttentionArgs& args);

}  // namespace terse
