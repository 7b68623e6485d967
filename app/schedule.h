// How the texts that --parallel has in flight are spread over threads.
#pragma once

#include <cstddef>
#include <cstdint>

namespace terse {

/// `workers` decoders side by side, each with `places` texts in lock-step.
struct Schedule {
  size_t workers = 1;
  size_t places = 1;
};

/// For `parallel` texts at a time. threads: of one decoder, 0 when the user leaves it open.
Schedule schedule(size_t parallel, size_t threads, size_t cores, uint64_t weight_bytes);

}  // namespace terse
