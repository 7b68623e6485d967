#include "app/pipeline.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "app/signals.h"

namespace terse {
namespace {

// Tasks in flight for each that is worked on: enough that short ones do not wait for a long one.
constexpr size_t kWindowPerPlace = 8;

struct Job {
  uint64_t place = 0;  // in the input
  Task task;
  std::optional<Outcome> outcome = {};  // none: not yet, or given up
};
using JobPointer = std::shared_ptr<Job>;

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
    const size_t n_places = options_.workers * options_.places;
    const size_t window = n_places == 1 ? 2 : kWindowPerPlace * n_places;
    for (Task task; !signalled() && steps_.next(task);) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return in_flight_ < window || failure_ || cut_; });
      if (failure_ || cut_) return;
      ++in_flight_;
      queue_.push_back(std::make_shared<Job>(Job{n_read_++, std::move(task)}));
      changed_.notify_all();
      task = Task();
    }
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  /// The next job; null at the end, or when there is none now and it is not to be waited for.
  JobPointer take(bool wait) {
    std::unique_lock lock(mutex_);
    if (wait) changed_.wait(lock, [&] { return !queue_.empty() || closed_ || failure_; });
    if (queue_.empty() || failure_) return nullptr;
    JobPointer job = std::move(queue_.front());
    queue_.pop_front();
    return job;
  }

  void work(size_t worker) {
    guarded([&] {
      // Shared with jobs that are never delivered, because another worker failed.
      const auto n_active = std::make_shared<size_t>(0);
      do {
        while (*n_active < options_.places) {
          const JobPointer job = take(*n_active == 0);
          if (job == nullptr) break;
          ++*n_active;
          begin(worker, job, [this, job, n_active](Result<Outcome> outcome) {
            --*n_active;
            deliver(job, std::move(outcome));
          });
        }
        if (*n_active > 0) steps_.advance(worker);
      } while (*n_active > 0 ? !has_failed() : !is_done());
    });
  }

  void begin(size_t worker, const JobPointer& job, const Deliver& deliver) {
    if (signalled()) return deliver(std::make_exception_ptr(Interrupted{}));
    steps_.begin(worker, job->task, deliver);
  }

  bool has_failed() {
    const std::lock_guard lock(mutex_);
    return failure_ != nullptr;
  }

  bool is_done() {
    const std::lock_guard lock(mutex_);
    return failure_ || (queue_.empty() && closed_);
  }

  void deliver(const JobPointer& job, Result<Outcome> outcome) {
    try {
      job->outcome = outcome.take();
    } catch (const Interrupted&) {
      // Given up.
    }
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
    if (!options_.ordered) return write(*job);
    finished_.emplace(job->place, job);
    while (!finished_.empty() && finished_.begin()->first == n_written_) {
      write(*finished_.begin()->second);
      finished_.erase(finished_.begin());
      ++n_written_;
    }
  }

  void write(const Job& job) {
    --in_flight_;
    if (failure_) return;
    if (!job.outcome) cut_ = true;
    if (job.outcome && !(cut_ && options_.ordered)) steps_.write(job.task, *job.outcome);
  }

  PipelineOptions options_;
  const PipelineSteps& steps_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<JobPointer> queue_;
  std::map<uint64_t, JobPointer> finished_;  // those that wait for one before them
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
