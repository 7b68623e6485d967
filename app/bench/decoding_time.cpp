#include "app/bench/decoding_time.h"

#include <algorithm>
#include <chrono>

#include "app/cache_option.h"
#include "app/stats.h"
#include "core/kernels/vector.h"

namespace terse {
namespace {

using Clock = std::chrono::steady_clock;

// Reading the context is repeated until it took this long, but for the first time, which finds
// buffers still to be made.
constexpr double kEnoughPrefill = 3;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// n ids, spread over the vocabulary.
std::vector<int32_t> made_up_ids(size_t n, size_t vocab) {
  std::vector<int32_t> ids(n);
  for (size_t i = 0; i < n; ++i) ids[i] = int32_t(2 + i * 2654435761u % (vocab - 2));
  return ids;
}

}  // namespace

DecodingTimer::DecodingTimer(const Model& model, const BenchOptions& options, Workspace& work)
    : model_(model),
      options_(options),
      work_(work),
      has_source_(model.traits().has_source),
      context_(made_up_ids(options.context, has_source_ ? model.traits().source_vocab
                                                        : model.traits().target_vocab)),
      logits_(model.traits().target_vocab) {}

void DecodingTimer::read_context() {
  double total = 0;
  for (size_t i = 0; i < options_.repeat && (i < 2 || total < kEnoughPrefill); ++i) {
    total += read_once();
    if (total > 3 * kEnoughPrefill) break;
  }
  time_.peak_memory_bytes = peak_memory_bytes();
}

double DecodingTimer::read_once() {
  StateOptions room;
  // A model with an encoder makes room for its source by itself.
  room.capacity = (has_source_ ? 0 : options_.context) + options_.tokens + 2;
  room.cache_type = cache_type_of(options_.cache);
  const int32_t begin = 0;
  const std::span<const int32_t> context(context_);
  first_.reset();
  const auto start = Clock::now();
  first_ = model_.start(has_source_ ? context : std::span<const int32_t>(), room, work_);
  extend(*first_, has_source_ ? std::span(&begin, 1) : context);
  const double seconds = seconds_since(start);
  time_.prefill_s.push_back(seconds);
  first_token_ = best_token();
  return seconds;
}

void DecodingTimer::decode() {
  const auto state = first_->clone();
  int32_t token = first_token_;
  double run_ms = 0;
  const size_t read_at_first = state->bytes_read();
  for (size_t i = 0; i < options_.tokens; ++i) {
    const auto start = Clock::now();
    extend(*state, {&token, 1});
    token = best_token();
    const double ms = 1e3 * seconds_since(start);
    time_.token_ms.push_back(ms);
    run_ms += ms;
  }
  time_.run_ms.push_back(run_ms / double(options_.tokens));
  time_.state_bytes = state->bytes();
  time_.state_bytes_read = (read_at_first + state->bytes_read()) / 2;
}

void DecodingTimer::extend(SequenceState& state, std::span<const int32_t> tokens) {
  model_.extend(state, tokens, work_, Matrix(logits_.data(), 1, logits_.size()));
}

int32_t DecodingTimer::best_token() const {
  return int32_t(kernels::argmax(logits_.data(), logits_.size()));
}

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace terse
