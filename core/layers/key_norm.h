// The normalisation of shared queries and keys (Trax: length_normalized).
#pragma once

#include <cstddef>

#include "core/matrix.h"
#include "core/threads.h"

namespace terse {

/// keys[i, head] = qk[i, head] / sqrt(mean(qk[i, head]^2) + 1e-6). Both: [n, heads * d_qk].
void normalise_keys(ConstMatrix qk, size_t heads, Threads& threads, Matrix keys);

}  // namespace terse
