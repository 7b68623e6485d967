// The paper's sparse Q, K and V: one multiplicative layer that all three share, then small
// convolutions (section 3.2).
#pragma once

#include "core/layers/factored_dense.h"
#include "core/layers/qkv.h"
#include "core/weights.h"

namespace terse {

/// s = FactoredDense(x); q, k = conv(s) over 3 modules; v = conv over 1 module of s, or of s joined
/// with x. Trax: the projections of MultiplicativeConvCausalAttention, and of
/// PureLSHSelfAttentionWrapper's format 'sparse'.
class MultiplicativeConvQkv : public QkvProjection {
 public:
  /// What the convolution of V reads: s; s and x by module; or s and x as two halves of the
  /// features, which mixes modules.
  enum class ValueInput { shared, joined_by_module, joined };

  struct Config {
    size_t d_model;
    size_t modules;
    size_t length;  // kernel size over positions
    bool share_qk = false;
    ValueInput value_input = ValueInput::shared;
  };

  /// Parts: shared (FactoredDense), query, key, value (LocallyConvDense); no key with share_qk.
  MultiplicativeConvQkv(const Weights& weights, const Config& config);

  std::unique_ptr<LayerState> new_state(const StateOptions& options) const override;
  void forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix q, Matrix k,
               Matrix v) const override;
  void forward_then(ConstMatrix x, LayerState* state, Workspace& work, Matrix q, Matrix k, Matrix v,
                    const HeadLoop& loop) const override;
  kernels::ReadList reads_first() const override { return shared_.reads_first(); }

 private:
  // Whether Q, K and V are convolutions of the same inputs, so that one tail and one pass serve
  // all.
  bool together() const { return config_.modules > 1 && config_.value_input == ValueInput::shared; }
  // Where together(): and then the loop, if there is one.
  void convolve(ConstMatrix shared, LayerStates states, Workspace& work, Matrix q, Matrix k,
                Matrix v, const HeadLoop* loop) const;
  void join(ConstMatrix shared, ConstMatrix x, const Matrix& joined) const;

  Config config_;
  FactoredDense shared_;
  std::unique_ptr<Layer> query_, key_, value_;  // LocallyConvDense where together()
};

}  // namespace terse
