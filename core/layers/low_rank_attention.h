// Causal attention with low-rank projections (Trax: LowRankCausalAttention).
#pragma once

#include "core/layers/attention_registry.h"

namespace terse {

/// Query, key, value and output are LowRankDense layers. Argument: lowrank (their rank).
std::unique_ptr<Layer> make_low_rank_attention(const AttentionArgs& args);

}  // namespace terse
