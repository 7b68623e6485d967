// A few threads that work on parts of one loop and wait politely in between.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>

#include "core/kernels/read_ahead.h"

namespace terse {

/// What one thread does with items begin .. end of a loop, where the loop is somebody else's. Made
/// of std::ref, it allocates nothing. Does not throw.
using RangeWork = std::function<void(size_t begin, size_t end)>;

/// The threads of one decoder: the caller and size() - 1 helpers. Used by one caller at a time.
/// A helper that waits spins for a few microseconds and then sleeps, so a busy machine is not
/// harmed.
class Threads {
 public:
  /// `count` threads in all, the caller included; 1 starts none. Throws std::system_error if the
  /// system refuses.
  explicit Threads(size_t count = 1);
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  size_t size() const;

  /// Calls work(begin, end) on disjoint ranges that cover [0, count), each at least `grain` long
  /// where there is more than one, and returns when all are done. A loop that comes again gives
  /// faster threads more (core/shares.h), so what is computed must not hang on the ranges. With few
  /// items, or one thread, it is a plain call. `work` must not throw. Allocates nothing.
  template <class Work>
  void for_ranges(size_t count, size_t grain, Work&& work) {
    using Callable = std::remove_reference_t<Work>;
    run(
        count, grain,
        [](void* context, size_t begin, size_t end) {
          (*static_cast<Callable*>(context))(begin, end);
        },
        const_cast<void*>(static_cast<const void*>(&work)));
  }

  /// What each helper asks for, once, while it waits behind the next loop in which it works: memory
  /// rests then, and the caller alone is busy. To be called between loops.
  void ask_while_waiting(const kernels::ReadList& reads);

 private:
  using Task = void (*)(void* context, size_t begin, size_t end);
  void run(size_t count, size_t grain, Task task, void* context);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace terse
