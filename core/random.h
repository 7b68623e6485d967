// Random numbers as JAX draws them from a key: threefry2x32 in its classic layout
// (jax_threefry_partitionable off). LSH attention hashes with them.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace terse {

using RandomKey = std::array<uint32_t, 2>;

/// One block of threefry2x32: 20 rounds.
std::array<uint32_t, 2> threefry2x32(RandomKey key, std::array<uint32_t, 2> counts);

/// jax.random.bits(key, [out.size()]).
void random_bits(RandomKey key, std::span<uint32_t> out);

/// The two keys of jax.random.split(key).
std::array<RandomKey, 2> split(RandomKey key);

/// jax.random.normal(key, [out.size()]), each value rounded once from double.
void random_normal(RandomKey key, std::span<float> out);

}  // namespace terse
