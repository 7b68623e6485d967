// Random numbers that depend on nothing but what they are for: a seed, a record and a step.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace terse {

/// Philox4x32-10, a counter-based generator (Salmon et al., "Parallel random numbers: as easy as
/// 1, 2, 3", 2011): 128 random bits for each counter and key, with no state in between.
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// A multiple of 2^-53 in [0, 1), evenly distributed. The same arguments give the same number on
/// every machine.
double uniform(uint64_t seed, uint64_t record, uint64_t step);

/// A record's id as a number for uniform(): 64-bit FNV-1a.
uint64_t record_key(std::string_view id);

}  // namespace terse
