// What is left of softmax attention in Trax's EncDecAttention, whose masking costs the scores their
// digits.
#pragma once

#include "core/layers/dot_product_attention.h"
#include "core/layers/kv_cache.h"
#include "core/matrix.h"
#include "core/workspace.h"

namespace terse {

/// y[i, head] = sum of value_j over the j whose rounded score is the largest
///
/// Trax means softmax over <q, key_j> / sqrt(d_qk), but first subtracts 1e9 from the scores of real
/// tokens too (and 2e9 from those of padding). In float32, scores near 1e9 are multiples of 64, so
/// any two scores between -32 and 32 become equal; the logarithm that should normalise them is
/// rounded away in the same manner, so that each weighs 1; and scores further down weigh e^-64 or
/// less, nothing in float32. Models were trained with this, hence it is what they mean.
///
/// q: [n, heads * d_qk]. y: [n, heads * d_v]. The same bits for any number of threads.
void rounded_attention(ConstMatrix q, const KvCache& cache, const HeadShape& shape, Workspace& work,
                       Matrix y);

}  // namespace terse
