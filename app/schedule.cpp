#include "app/schedule.h"

#include <algorithm>

namespace terse {
namespace {

// Weights up to this size stay in the caches of today's processors.
constexpr uint64_t kCached = uint64_t{64} << 20;

}  // namespace

// Weights that come from memory are best read once for all texts: one decoder that uses all
// threads. Weights in the cache cost little to read again, but a decoder's threads lose time where
// they wait for each other: as many decoders as there are cores, then.
Schedule schedule(size_t parallel, size_t threads, size_t cores, uint64_t weight_bytes) {
  if (weight_bytes > kCached) return {1, parallel};
  const size_t workers = std::clamp<size_t>(cores / std::max<size_t>(threads, 1), 1, parallel);
  return {workers, (parallel + workers - 1) / workers};
}

}  // namespace terse
