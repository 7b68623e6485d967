// Rotary positions (RoFormer, arXiv 2104.09864; Trax: rotary_positional_embedding.Rotate).
#pragma once

#include "core/matrix.h"
#include "core/threads.h"

namespace terse {

/// Row i is at position p = first + i; its coordinates j and j + d/2 turn by the angle p *
/// 10000^(-2j/d). x: [n, d], all heads as one vector, d even.
void rotate(size_t first, Threads& threads, Matrix x);

}  // namespace terse
