// Softmax attention of queries over the keys and values of one head.
#pragma once

#include <cstddef>

#include "core/kernels/cache_rows.h"

namespace terse::kernels {

/// out = sum_j softmax_j(scale * <q, key_j>) value_j    over j < length
///
/// q: [d_qk]. keys: [length, d_qk] and values: [length, d_v], contiguous. out: [d_v]. length >= 1.
/// 8-bit keys and values meet queries and softmax weights that are rounded to 16 bits.
/// Works block by block with a running maximum, in a fixed number of floats on the stack whatever
/// the length.
void attend(const float* q, CacheRows keys, CacheRows values, size_t length, size_t d_qk,
            size_t d_v, float scale, float* out);

/// Most queries of one attend_many().
constexpr size_t kMostQueries = 32;

/// attend() for m <= kMostQueries queries, with the same bits: query i sees the first `first_length
/// + i * growth` keys. A block of keys and values is read once for all queries.
///
/// q: [m, d_qk], rows q_stride apart. out: [m, d_v], rows out_stride apart. next_keys: another
/// head's, of the same number and form, which are asked for meanwhile; or null.
void attend_many(const float* q, size_t q_stride, size_t m, CacheRows keys, CacheRows values,
                 size_t first_length, size_t growth, size_t d_qk, size_t d_v, float scale,
                 float* out, size_t out_stride, const std::byte* next_keys = nullptr);

}  // namespace terse::kernels
