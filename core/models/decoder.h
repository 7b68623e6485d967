// What turns target tokens into logits: embedding and positions, a stack of blocks, the final
// LayerNorm and the loss layer.
#pragma once

#include <memory>

#include "core/layers/layer_norm.h"
#include "core/models/model.h"
#include "core/models/token_encoder.h"

namespace terse {

/// What one sequence remembers: its blocks' states and its length.
struct DecoderState : SequenceState {
  std::unique_ptr<SequenceState> clone() const override;
  size_t bytes() const override { return layers->bytes(); }
  size_t bytes_read() const override { return layers->bytes_read(); }
  size_t length() const override { return n_target; }

  std::unique_ptr<LayerState> layers;
  size_t n_target = 0;
};

class Decoder {
 public:
  /// `stack` maps [n, d_model] to [n, d_out]. Tensors: decoder.norm.*, loss.*. `weights` are the
  /// model's.
  Decoder(const Params& args, const Weights& weights, TokenEncoder input,
          std::unique_ptr<Layer> stack, size_t d_out);

  const TokenEncoder& input() const { return input_; }

  std::unique_ptr<DecoderState> new_state(const StateOptions& options) const;

  /// Model::extend, without its checks.
  void extend(DecoderState& state, std::span<const int32_t> tokens, Workspace& work,
              Matrix logits) const;
  /// Model::extend_all, without its checks. The states are DecoderStates.
  void extend_all(std::span<SequenceState* const> states, std::span<const int32_t> tokens,
                  Workspace& work, Matrix logits) const;

 private:
  void read(ConstMatrix x, LayerStates states, Workspace& work, Matrix logits) const;

  TokenEncoder input_;
  std::unique_ptr<Layer> stack_;
  size_t d_model_;
  size_t d_out_;
  LayerNorm norm_;
  std::unique_ptr<Layer> loss_;
};

}  // namespace terse
