// The feed-forward layer that uses one unit of each block (paper, section 3.1; Trax: SparseFF).
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/kernels/quantize.h"
#include "core/kernels/weight_view.h"

namespace terse::kernels {

/// For each block b: choice[b] = argmax_e (bias[b, e] + sum_r low[r] * up[b, r, e]), the first on
/// ties.
///
/// low: [rank]. up: [blocks, rank, n]. bias: [blocks, n]. choice: [blocks]. `up`, `bias` and
/// `choice` may point into the middle of a layer to work on a part of its blocks.
void choose_units(const float* low, WeightView up, const float* bias, size_t blocks, size_t rank,
                  size_t n, uint32_t* choice);

/// The same with quantised activations, one row of `rank` values, and `up` in panels: a stack of
/// `blocks` matrices [n, rank].
void choose_units(const QuantizedRows& low, WeightView up, const float* bias, size_t blocks,
                  size_t n, uint32_t* choice);

/// hidden[b] = relu(<x, units[b, choice[b], 0]>)    for each of `blocks` blocks
///
/// x: [d]. units: [blocks, n, 2, d]. Only the chosen rows are read. Asks for what is read next: the
/// second rows of these units, and the first rows of the blocks up to `known` >= blocks, which have
/// choices, too.
void chosen_hidden(const float* x, WeightView units, const uint32_t* choice, size_t blocks,
                   size_t known, size_t n, size_t d, float* hidden);

/// The same with quantised activations, one row of d values, and units in 8 bits.
void chosen_hidden(const QuantizedRows& x, WeightView units, const uint32_t* choice, size_t blocks,
                   size_t known, size_t n, size_t d, float* hidden);

/// y[j] += sum_b hidden[b] * units[b, choice[b], 1, j]    for begin <= j < end, in the order of the
/// blocks
///
/// y: [d]. Rows whose hidden value is zero are not read. Columns are summed apart, so any split of
/// them gives the same bits; of quantised rows, `begin` is a multiple of kGroup.
void add_chosen_outputs(const float* hidden, WeightView units, const uint32_t* choice,
                        size_t blocks, size_t n, size_t d, size_t begin, size_t end, float* y);

}  // namespace terse::kernels
