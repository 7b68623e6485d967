// LSH attention for long calls, plain attention for short ones (Trax: MixedLSHSelfAttention).
#pragma once

#include "core/layers/lsh_attention.h"

namespace terse {

/// A call of at most std_length positions is plain softmax attention with q = k (self included,
/// keys not normalised), a longer one is LshAttention. As in Trax, each of the two remembers its
/// own calls only: single tokens after a long first call do not see it.
class MixedLshAttention : public SharedQkAttention {
 public:
  MixedLshAttention(const LshConfig& config, std::span<const uint32_t> keys, size_t std_length);

  std::unique_ptr<LayerState> new_state(const StateOptions& options) const override;
  void forward(ConstMatrix qk, ConstMatrix v, LayerState* state, Workspace& work,
               Matrix y) const override;

 private:
  HeadShape heads_;
  bool causal_;
  size_t std_length_;
  LshAttention lsh_;
};

}  // namespace terse
