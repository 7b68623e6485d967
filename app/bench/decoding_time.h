// Timing the decoding itself: a context is read, then tokens follow one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "app/bench/options.h"
#include "core/models/model.h"
#include "core/workspace.h"

namespace terse {

struct DecodingTime {
  std::vector<double> prefill_s;  // of each time that the context was read
  std::vector<double> token_ms;   // of each token of all repetitions
  std::vector<double> run_ms;     // per token, mean of each repetition
  size_t state_bytes = 0;         // what the sequence remembers in the end
  size_t state_bytes_read = 0;    // of it, what the token in the middle reads
  // Once the context was read: copies of the state, and what measures bandwidth, come on top.
  uint64_t peak_memory_bytes = 0;
};

/// One decoder under measurement. The model and the workspace must outlive it.
class DecodingTimer {
 public:
  DecodingTimer(const Model& model, const BenchOptions& options, Workspace& work);

  /// Reads `options.context` made-up ids, a source or the prompt of a language model: a few times,
  /// or once where that takes long. Comes first.
  void read_context();

  /// Decodes `options.tokens` behind the context, greedily; each time from the same place.
  void decode();

  /// What the first token behind the context reads of what the sequence remembers.
  size_t state_bytes_read() const { return first_->bytes_read(); }

  const DecodingTime& time() const { return time_; }

 private:
  double read_once();
  void extend(SequenceState& state, std::span<const int32_t> tokens);
  int32_t best_token() const;

  const Model& model_;
  const BenchOptions& options_;
  Workspace& work_;
  bool has_source_;
  std::vector<int32_t> context_;
  std::vector<float> logits_;
  std::unique_ptr<SequenceState> first_;  // behind the context
  int32_t first_token_ = 0;
  DecodingTime time_;
};

/// The middle one of `values`, which must not be empty.
double median_of(std::vector<double> values);

}  // namespace terse
