// Memory-efficient self-attention (Trax: efficient_attention.SelfAttention).
#pragma once

#include <optional>

#include "core/layers/attention_registry.h"
#include "core/layers/chunked_attention.h"
#include "core/layers/dot_product_attention.h"
#include "core/layers/layer.h"
#include "core/layers/qkv.h"

namespace terse {

/// y = output(attend(q, k, v)) with q, k, v = qkv(x). With share_qk the keys are the queries,
/// normalised, and a position attends to itself only when nothing else is there.
///
/// With chunks, scoring and an encoder attend within chunks and their neighbours; the whole
/// sequence then has to come in one call (padded to full chunks; Trax refuses such a length).
/// Decoding attends to all that is remembered, except in a first call that is longer than `drop`
/// and than a chunk, and made of full chunks.
class SelfAttention : public Layer {
 public:
  struct Config {
    HeadShape heads;
    bool causal;
    bool share_qk;
    std::optional<ChunkShape> chunks;
    size_t memory;  // positions that decoding remembers; SIZE_MAX: all. Trax: predict_mem_len
    size_t drop;    // how many it forgets when they are full. Trax: predict_drop_len
  };

  SelfAttention(std::unique_ptr<QkvProjection> qkv, std::unique_ptr<Layer> output,
                const Config& config);

  std::unique_ptr<LayerState> new_state(const StateOptions& options) const override;
  void forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const override;

 private:
  struct Projected {
    ConstMatrix q, k, v;
  };
  struct State;

  void attend(const Projected& x, State* state, Workspace& work, Matrix y) const;
  void attend_whole(const Projected& x, Workspace& work, Matrix y) const;
  void attend_cached(const Projected& x, KvCache& cache, Workspace& work, Matrix y) const;
  void decode_first(const Projected& x, KvCache& cache, Workspace& work, Matrix y) const;
  void decode_next(const Projected& x, KvCache& cache, Workspace& work, Matrix y) const;

  std::unique_ptr<QkvProjection> qkv_;
  std::unique_ptr<Layer> output_;
  Config config_;
};

/// Arguments: share_qk, chunk_len (null: no chunks), n_chunks_before, n_chunks_after, bias,
/// predict_mem_len, predict_drop_len (null without chunks: no limit). Tensors: query, key (not with
/// share_qk), value, output.
std::unique_ptr<Layer> make_self_attention(const AttentionArgs& args);

}  // namespace terse
