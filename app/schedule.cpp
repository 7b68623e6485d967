#include "app/schedule.h"

#include <algorithm>

namespace terse {
namespace {

// Weights up to this size stay in the caches of today's processors.
constexpr uint64_t kCached = uint64_t{64} << 20;
// Decoders that read weights from memory, each for its own texts.
constexpr size_t kMostReaders = 2;

}  // namespace

// The threads of one decoder wait for each other at every layer; decoders side by side never do. So
// there are as many decoders as cores, with the texts of each in lock-step: on 2 cores, c4-medium
// writes 1.2 to 2.4 times the tokens of one decoder with 2 threads. But each decoder reads all
// weights. Where they come from memory, more than two of them would wait for that.
Schedule schedule(size_t parallel, size_t threads, size_t cores, uint64_t weight_bytes) {
  const size_t most = weight_bytes > kCached ? std::min(kMostReaders, parallel) : parallel;
  const size_t workers = std::clamp<size_t>(cores / std::max<size_t>(threads, 1), 1, most);
  return {workers, (parallel + workers - 1) / workers};
}

}  // namespace terse
