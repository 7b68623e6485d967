// Many inputs through a few workers: read by the caller, worked on side by side, written one at a
// time, in order unless that is not wanted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "app/result.h"

namespace terse {

/// One input of a batch.
struct Task {
  std::string text;     // a line, or the name of a document
  uint64_t line = 0;    // its number in the input, from 1
  uint64_t end = 0;     // the input's bytes up to its end
  std::string problem;  // it could not be read: why
};

/// What became of it.
struct Outcome {
  std::optional<std::string> line;  // to be written
  bool failed = false;
};

/// Takes a task's outcome. Interrupted in its place means that the task is given up: then neither
/// it nor, in order, those behind it are written. Any other exception ends all.
using Deliver = std::function<void(Result<Outcome>)>;

struct PipelineOptions {
  size_t workers = 1;
  size_t places = 1;  // tasks that one worker has at a time
  bool ordered = true;
};

struct PipelineSteps {
  /// Gives the next input; false at the end. Called by the caller's thread.
  std::function<bool(Task&)> next;
  /// Called by worker `worker`, who does one thing at a time. The outcome is delivered once: at
  /// once, or in a later advance() of that worker. The task lives until then.
  std::function<void(size_t worker, const Task&, const Deliver&)> begin;
  /// Goes on with what was begun; called while there is something.
  std::function<void(size_t worker)> advance;
  /// Called by any thread, one call at a time.
  std::function<void(const Task&, const Outcome&)> write;
};

/// Returns when all is written, or when a signal has come and the workers stand still. What is in
/// flight is bounded, so memory does not grow with the batch. The first exception of a step ends
/// all and is thrown on.
void run_pipeline(const PipelineOptions& options, const PipelineSteps& steps);

}  // namespace terse
