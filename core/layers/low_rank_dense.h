// LowRankDense: y = up(down(x)), two Dense layers through a narrow middle (Trax: LowRankDense).
#pragma once

#include "core/layers/layer.h"
#include "core/weights.h"

namespace terse {

/// Parts: down (d_in -> rank), up (rank -> d_out), both with bias.
std::unique_ptr<Layer> make_low_rank_dense(const Weights& weights, size_t d_in, size_t rank,
                                           size_t d_out);

}  // namespace terse
