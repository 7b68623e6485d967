#include "core/shares.h"

#include <algorithm>
#include <numeric>

namespace terse {
namespace {

// Loops this short, by thread, say more of the clock than of the threads.
constexpr float kWorthLearning = 4e-6f;
// How far the shares follow one loop.
constexpr float kStep = 0.125f;
// What a thread is taken for at most, and its inverse at least, by one loop: one that was
// interrupted is not that slow.
constexpr float kMostUneven = 2.0f;

}  // namespace

size_t range_begin(size_t count, size_t parts, size_t i) {
  return count / parts * i + std::min(i, count % parts);
}

Shares::Shares(size_t threads) : shares_(threads), begin_(threads + 1) {}

void Shares::set_loop(const void* loop, size_t count) {
  if (loop == loop_ && count == count_) return;
  loop_ = loop;
  count_ = count;
  std::fill(shares_.begin(), shares_.end(), 1.0f / float(threads()));
}

void Shares::cut(size_t grain) {
  const size_t least = std::max<size_t>(grain, 1);
  bool fits = true;
  float sum = 0;
  begin_.back() = count_;
  for (size_t i = 0; i < threads(); ++i) {
    begin_[i] = size_t(sum * float(count_) + 0.5f);
    sum += shares_[i];
    if (i > 0) fits = fits && begin_[i] >= begin_[i - 1] + least;
  }
  if (fits && count_ >= begin_[threads() - 1] + least) return;
  for (size_t i = 0; i < threads(); ++i) begin_[i] = range_begin(count_, threads(), i);
}

void Shares::learn(std::span<const float> seconds) {
  const float total = std::accumulate(seconds.begin(), seconds.end(), 0.0f);
  if (total < kWorthLearning * float(threads())) return;
  const auto speed = [&](size_t i) {
    return float(begin_[i + 1] - begin_[i]) / std::max(seconds[i], kWorthLearning / 10);
  };
  float speeds = 0;
  for (size_t i = 0; i < threads(); ++i) speeds += speed(i);
  const float equal = 1.0f / float(threads());
  float sum = 0;
  for (size_t i = 0; i < threads(); ++i) {
    const float wanted = std::clamp(speed(i) / speeds, equal / kMostUneven, equal * kMostUneven);
    shares_[i] += (wanted - shares_[i]) * kStep;
    sum += shares_[i];
  }
  for (float& share : shares_) share /= sum;
}

}  // namespace terse
