#include "app/pipeline.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "app/signals.h"

namespace terse {
namespace {

// Tasks read ahead for each worker: enough that short ones do not wait for a long one.
constexpr size_t kWindowPerWorker = 8;

struct Job {
  uint64_t place;
  Task task;
};

struct Result {
  Task task;
  std::optional<Outcome> outcome;  // none: given up
};

class Pipeline {
 public:
  Pipeline(const PipelineOptions& options, const PipelineSteps& steps)
      : options_(options), steps_(steps) {}

  void run() {
    std::vector<std::thread> workers;
    {
      const SignalsBlocked blocked;
      for (size_t i = 0; i < options_.workers; ++i) workers.emplace_back([this, i] { work(i); });
    }
    guarded([this] { read(); });
    close();
    for (std::thread& worker : workers) worker.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  /// Keeps the first exception and lets everybody stop.
  template <class Body>
  void guarded(const Body& body) {
    try {
      body();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      changed_.notify_all();
    }
  }

  void read() {
    const size_t window = options_.workers == 1 ? 2 : kWindowPerWorker * options_.workers;
    for (Task task; !signalled() && steps_.next(task);) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return in_flight_ < window || failure_ || cut_; });
      if (failure_ || cut_) return;
      ++in_flight_;
      queue_.push_back({n_read_++, std::move(task)});
      changed_.notify_all();
      task = Task();
    }
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  bool take(Job& job) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !queue_.empty() || closed_ || failure_; });
    if (queue_.empty() || failure_) return false;
    job = std::move(queue_.front());
    queue_.pop_front();
    return true;
  }

  void work(size_t worker) {
    guarded([&] {
      for (Job job; take(job);) {
        std::optional<Outcome> outcome = attempt(worker, job.task);
        const std::lock_guard lock(mutex_);
        deliver(job.place, {std::move(job.task), std::move(outcome)});
        changed_.notify_all();
      }
    });
  }

  std::optional<Outcome> attempt(size_t worker, const Task& task) {
    if (signalled()) return std::nullopt;
    try {
      return steps_.run(worker, task);
    } catch (const Interrupted&) {
      return std::nullopt;
    }
  }

  void deliver(uint64_t place, Result result) {
    if (!options_.ordered) return write(result);
    finished_.emplace(place, std::move(result));
    while (!finished_.empty() && finished_.begin()->first == n_written_) {
      write(finished_.begin()->second);
      finished_.erase(finished_.begin());
      ++n_written_;
    }
  }

  void write(const Result& result) {
    --in_flight_;
    if (failure_) return;
    if (!result.outcome) cut_ = true;
    if (result.outcome && !(cut_ && options_.ordered)) steps_.write(result.task, *result.outcome);
  }

  PipelineOptions options_;
  const PipelineSteps& steps_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> queue_;
  std::map<uint64_t, Result> finished_;  // those that wait for one before them
  uint64_t n_read_ = 0;
  uint64_t n_written_ = 0;
  size_t in_flight_ = 0;  // read and not yet written
  bool closed_ = false;   // nothing more comes
  bool cut_ = false;      // one was given up
  std::exception_ptr failure_;
};

}  // namespace

void run_pipeline(const PipelineOptions& options, const PipelineSteps& steps) {
  Pipeline(options, steps).run();
}

}  // namespace terse
