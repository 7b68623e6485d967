// LSH attention of one head over a whole sequence (Trax: forward_unbatched of LSHSelfAttention and
// PureLSHSelfAttention).
#pragma once

#include "core/layers/chunked_attention.h"
#include "core/layers/lsh_hash.h"
#include "core/workspace.h"

namespace terse {

/// How long the sequence is with its padding, and where padding is sorted.
struct PaddedLength {
  /// Behind all others; or with the vectors of zeros, which hash to bucket 0.
  enum class Padding { own_bucket, zeros };
  size_t total;
  Padding padding;
};

/// Sorts the positions by bucket, attends in chunks, joins the hashes: y[i] = sum_h
/// softmax_h(log_sum[h, i]) attended[h, i].
///
/// head.q: [n, d_qk], n <= length.total. Chunks must divide n_hashes * total. y: [n, d_v]. buckets:
/// [n_hashes, total], overwritten; those of padding mean nothing.
void attend_by_buckets(const ChunkedHead& head, const LshHash& hash, const PaddedLength& length,
                       const ChunkShape& chunks, Workspace& work, Matrix y, uint32_t* buckets);

}  // namespace terse
