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

  /// Sets it. So little that it stays in every thread's cache is also asked for by threads that
  /// wait; of more, each would ask for what others read.
  void read_next(const kernels::ReadList& reads) {
    constexpr size_t kMostLines = (size_t{384} << 10) / kernels::kLineBytes;
    next = reads;
    threads.ask_while_waiting(reads.lines() <= kMostLines ? reads : kernels::ReadList());
  }
};

}  // namespace terse
