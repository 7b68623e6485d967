// Attention within buckets of similar vectors (Reformer, arXiv 2001.04451; Trax:
// PureLSHSelfAttention, and the inner part of LSHSelfAttention).
#pragma once

#include <span>

#include "core/layers/chunked_attention.h"
#include "core/layers/dot_product_attention.h"
#include "core/layers/lsh_hash.h"
#include "core/layers/lsh_memory.h"
#include "core/layers/shared_qk_attention.h"
#include "core/params.h"

namespace terse {

struct LshConfig {
  HeadShape heads;
  bool causal;
  ChunkShape chunks;
  HashShape hash;
  size_t memory;  // positions that decoding remembers; Trax: predict_mem_len
  size_t drop;    // how many it forgets when they are full; Trax: predict_drop_len

  /// From a layer's arguments of the same names as in Trax. Throws ModelError.
  static LshConfig from(const Params& params, const HeadShape& heads, bool causal);
};

/// Positions are sorted by bucket, then cut into chunks; each attends within its own and the
/// neighbouring chunks, but to itself only when nothing else is there. Several hashes are joined by
/// the softmax of their logarithms of denominators. The keys are the queries, normalised.
///
/// Two algorithms, as in Trax. Scoring, and an encoder: the above over the whole sequence, which
/// has to come in one call, in memory linear in its length. Decoding: the first call does the same
/// over the whole memory; after that each token sees the latest positions that share a bucket with
/// it, then the latest others, n_hashes * chunk_len * (1 + before) in all.
///
/// A sequence that chunks do not divide is padded; Trax refuses it. Nobody sees the padding.
class LshAttention : public SharedQkAttention {
 public:
  /// keys: [heads, 2], as a checkpoint stores them before a call.
  LshAttention(const LshConfig& config, std::span<const uint32_t> keys);

  std::unique_ptr<LayerState> new_state(const StateOptions& options) const override;
  void forward(ConstMatrix qk, ConstMatrix v, LayerState* state, Workspace& work,
               Matrix y) const override;

 private:
  void score(ConstMatrix qk, ConstMatrix v, Workspace& work, Matrix y) const;
  void decode_first(ConstMatrix qk, ConstMatrix v, LshMemory& memory, Workspace& work,
                    Matrix y) const;
  void decode_token(ConstMatrix qk, ConstMatrix v, LshMemory& memory, Workspace& work,
                    Matrix y) const;
  void attend_token(ConstMatrix qk, size_t head, float* rotated, uint32_t* rows, LshMemory& memory,
                    Matrix y) const;
  size_t visible_to_token() const;

  LshConfig config_;
  std::vector<RandomKey> keys_;        // by head
  std::vector<LshHash> token_hashes_;  // by head: those of single tokens; empty in an encoder
};

}  // namespace terse
