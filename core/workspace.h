// What a forward pass works with: its threads and its scratch buffers. One per decoder, used by one
// caller at a time.
#pragma once

#include "core/kernels/read_ahead.h"
#include "core/probe.h"
#include "core/scratch.h"
#include "core/threads.h"

namespace terse {

/// What is read after the loops of an attention layer, for each loop that can ask for it: a
/// factored projection, and the convolutions behind it.
struct Upcoming {
  kernels::ReadList projection, convolutions;
};

struct Workspace {
  explicit Workspace(size_t n_threads = 1) : threads(n_threads) {}

  Threads threads;
  Scratch scratch;
  const Probe* probe = nullptr;  // not owned; usually absent
  /// For a single token; set and cleared by the layer around those loops.
  Upcoming upcoming;
  /// What the layer after the one that runs reads first, for a single token. Set by what holds
  /// both.
  kernels::ReadList next;
};

}  // namespace terse
