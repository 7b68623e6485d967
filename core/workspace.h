// What a forward pass works with: its threads and its scratch buffers. One per decoder, used by one
// caller at a time.
#pragma once

#include <array>

#include "core/kernels/read_ahead.h"
#include "core/probe.h"
#include "core/scratch.h"
#include "core/threads.h"

namespace terse {

struct Workspace {
  explicit Workspace(size_t n_threads = 1) : threads(n_threads) {}

  Threads threads;
  Scratch scratch;
  const Probe* probe = nullptr;  // not owned; usually absent
  /// What is read after the layers that are running now: a factored projection asks for the first,
  /// the convolutions behind it for the second (those in bytes; in floats they wait for memory
  /// themselves). Set and cleared by the layer around them.
  std::array<kernels::ReadAhead, 2> upcoming;
};

}  // namespace terse
