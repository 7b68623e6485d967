// The helpers of Threads: each waits at a signal of its own that the caller raises when there is
// work, and raises another when it is done.
#include "core/threads.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "core/shares.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace terse {
namespace {

// Long enough for the short serial parts between two loops of a layer, short enough to be no load.
constexpr std::chrono::microseconds kSpin{50};

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

/// A counter that one thread raises and one other waits for. Spins first, then sleeps; without the
/// calls to sched_yield that std::atomic::wait makes, each of which may give a busy neighbour a
/// whole time slice.
class Signal {
 public:
  /// Makes await(count() + 1) return.
  void raise() {
    // Both in one total order with the two lines in sleep(): either the sleeper sees the new count
    // or we see that it sleeps.
    count_.fetch_add(1);
    if (!asleep_.load()) return;
    const std::lock_guard lock(mutex_);
    condition_.notify_one();
  }

  /// Returns when the signal has been raised `count` times since it was made. Asks for `reads`
  /// meanwhile.
  void await(uint32_t count, kernels::ReadList& reads) {
    if (skips_left_ > 0) {
      --skips_left_;
    } else if (spin(count, reads)) {
      skips_ = 0;
      return;
    } else {
      skips_ = std::min(2 * skips_ + 1, kMostSkips);
      skips_left_ = skips_;
    }
    sleep(count);
  }

 private:
  // Where spinning does not help, as on a busy machine, it is tried ever more rarely.
  static constexpr uint32_t kMostSkips = 15;
  // Few, so that the signal is seen soon.
  static constexpr size_t kLinesAtOnce = 4;

  bool raised(uint32_t count) const { return count_.load(std::memory_order_acquire) == count; }

  bool spin(uint32_t count, kernels::ReadList& reads) const {
    const auto deadline = std::chrono::steady_clock::now() + kSpin;
    do {
      for (int i = 0; i < 16; ++i) {
        if (raised(count)) return true;
        if (reads.done()) {
          pause();
        } else {
          reads.ask(kLinesAtOnce);
        }
      }
    } while (std::chrono::steady_clock::now() < deadline);
    return false;
  }

  void sleep(uint32_t count) {
    std::unique_lock lock(mutex_);
    asleep_.store(true);
    condition_.wait(lock, [&] { return count_.load() == count; });
    asleep_.store(false);
  }

  std::atomic<uint32_t> count_ = 0;
  std::atomic<bool> asleep_ = false;
  std::mutex mutex_;
  std::condition_variable condition_;
  uint32_t skips_ = 0;       // waits without spinning after the last spin in vain
  uint32_t skips_left_ = 0;  // those still to come
};

using Clock = std::chrono::steady_clock;

float seconds_since(Clock::time_point start) {
  return std::chrono::duration<float>(Clock::now() - start).count();
}

}  // namespace

struct Threads::Impl {
  struct Work {
    Task task = nullptr;
    void* context = nullptr;
    size_t begin = 0;
    size_t end = 0;
    bool stop = false;
  };

  /// One helper. The work shares a cache line with the counter that announces it, so both come at
  /// once; so do what it took and the counter that says that it is done.
  struct alignas(64) Helper {
    Work work;
    Signal start;
    alignas(64) float seconds = 0;  // for its last range
    Signal done;
    uint32_t loops = 0;  // in which it had work; the caller's
    std::thread thread;
  };

  explicit Impl(size_t count)
      : helpers(count), shares(kLoops, Shares(count + 1)), seconds(count + 1) {}

  ~Impl() {
    for (Helper& helper : helpers) {
      if (!helper.thread.joinable()) continue;
      helper.work.stop = true;
      helper.start.raise();
      helper.thread.join();
    }
  }

  void start() {
    for (Helper& helper : helpers) helper.thread = std::thread([&] { serve(helper); });
  }

  void serve(Helper& helper) const {
    kernels::ReadList reads;
    uint32_t seen = 0;  // which of the lists
    for (uint32_t loop = 1;; ++loop) {
      helper.start.await(loop, reads);
      const Work work = helper.work;
      if (work.stop) return;
      if (seen != lists) {
        seen = lists;
        reads = meanwhile;
      }
      const auto start = Clock::now();
      work.task(work.context, work.begin, work.end);
      helper.seconds = seconds_since(start);
      helper.done.raise();
    }
  }

  Shares& shares_of(Task task, size_t count) {
    const auto loop = reinterpret_cast<const void*>(task);
    Shares& found = shares[(reinterpret_cast<uintptr_t>(loop) / 16 + count) % kLoops];
    found.set_loop(loop, count);
    return found;
  }

  // Places for the loops of a model, by a hash: few, if any, lose theirs to another one.
  static constexpr size_t kLoops = 251;

  std::vector<Helper> helpers;
  std::vector<Shares> shares;
  std::vector<float> seconds;  // of the last loop, by thread
  // What helpers ask for while they wait. They look at it within a loop, the caller sets it
  // outside.
  kernels::ReadList meanwhile;
  uint32_t lists = 0;  // so far
};

Threads::Threads(size_t count) : impl_(std::make_unique<Impl>(std::max<size_t>(count, 1) - 1)) {
  impl_->start();
}

Threads::~Threads() = default;

size_t Threads::size() const {
  return impl_->helpers.size() + 1;
}

void Threads::ask_while_waiting(const kernels::ReadList& reads) {
  impl_->meanwhile = reads;
  ++impl_->lists;
}

void Threads::run(size_t count, size_t grain, Task task, void* context) {
  if (count == 0) return;
  const size_t parts = std::clamp<size_t>(count / std::max<size_t>(grain, 1), 1, size());
  if (parts == 1) return task(context, 0, count);
  // A loop of fewer threads is short; its ranges are equal.
  Shares* const shares = parts == size() ? &impl_->shares_of(task, count) : nullptr;
  if (shares != nullptr) shares->cut(grain);
  const auto begin = [&](size_t i) {
    return shares != nullptr ? shares->begin(i) : range_begin(count, parts, i);
  };
  for (size_t i = 1; i < parts; ++i) {
    Impl::Helper& helper = impl_->helpers[i - 1];
    helper.work = {task, context, begin(i), begin(i + 1)};
    helper.start.raise();
  }
  kernels::ReadList nothing;
  const auto start = Clock::now();
  task(context, 0, begin(1));
  impl_->seconds[0] = seconds_since(start);
  for (size_t i = 1; i < parts; ++i) {
    Impl::Helper& helper = impl_->helpers[i - 1];
    helper.done.await(++helper.loops, nothing);
    impl_->seconds[i] = helper.seconds;
  }
  if (shares != nullptr) shares->learn(impl_->seconds);
}

}  // namespace terse
