// Attention of a decoder over an encoder's vectors (Trax: AttentionQKV and
// EncDecAttention, as EncoderDecoderBlock uses them).
#pragma once

#include <memory>

#include "core/layers/dot_product_attention.h"
#include "core/layers/layer.h"
#include "core/params.h"
#include "core/weights.h"

namespace terse {

/// y = output(attend(query(x), key(e), value(e))) over all the encoder's vectors e.
///
/// Keys and values are computed once, when the sequence starts. Like a Layer otherwise: immutable,
/// shared between threads.
class CrossAttention {
 public:
  /// Attends to whole caches, as dot_product_attention and rounded_attention do.
  using Attend = void (*)(ConstMatrix q, std::span<const KvCache* const> caches,
                          const HeadShape& shape, Workspace& work, Matrix y);

  /// `query` and `output` may be null: the vectors pass as they are.
  CrossAttention(std::unique_ptr<Layer> query, std::unique_ptr<Layer> key,
                 std::unique_ptr<Layer> value, std::unique_ptr<Layer> output,
                 const HeadShape& heads, Attend attend);

  /// The state of a sequence that is about to start. source: [n_source, d_model], n_source >= 1,
  /// read here only. Clones share the keys and values.
  std::unique_ptr<LayerState> new_state(ConstMatrix source, const StateOptions& options,
                                        Workspace& work) const {
    return new_state(source, source, options, work);
  }
  /// The same with keys and values made from different vectors, [n_source, d_model] each.
  std::unique_ptr<LayerState> new_state(ConstMatrix key_source, ConstMatrix value_source,
                                        const StateOptions& options, Workspace& work) const;

  /// x: [n, d_model], the next target positions. y: [n, d_model], overwritten; may not overlap x.
  void forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const;

  kernels::ReadList reads_first() const;

 private:
  std::unique_ptr<Layer> query_, key_, value_, output_;
  HeadShape heads_;
  Attend attend_;
};

/// AttentionQKV. `args` are the model's: enc_dec_attention_sparsity is null (four Dense layers) or
/// has q_sparsity and result_sparsity, each null (Dense), a number of modules (FactoredDense, then
/// LocallyConvDense over 3 positions and 3 modules), or "noop". Throws ModelError.
std::unique_ptr<CrossAttention> make_cross_attention(const Weights& weights, size_t d_model,
                                                     size_t n_heads, const Params& args);

/// EncDecAttention: four Dense layers without a bias, and rounded_attention between them. Throws
/// ModelError.
std::unique_ptr<CrossAttention> make_enc_dec_attention(const Weights& weights, size_t d_model,
                                                       size_t n_heads);

}  // namespace terse
