#include "app/bench/bandwidth.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "app/bench/decoding_time.h"

namespace terse {
namespace {

using Clock = std::chrono::steady_clock;
using kernels::kReadStep;

// Larger buffers than any cache tell nothing more.
constexpr uint64_t kLargest = uint64_t{512} << 20;
constexpr uint64_t kSmallest = uint64_t{256} << 10;
// Bytes that one measurement reads at least: milliseconds.
constexpr uint64_t kMeasured = uint64_t{96} << 20;
constexpr size_t kTries = 3;
constexpr size_t kSamples = 3;

constexpr size_t kStreams[] = {1, 2, 4, 8};
constexpr size_t kAhead[] = {0, 512, 1024, 2048, 4096, 8192};

uint64_t rounded_up(uint64_t n, uint64_t unit) {
  return (n + unit - 1) / unit * unit;
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Where the results of reading go, so that the reading has a purpose.
std::atomic<uint64_t> sink;

/// Bytes a second of `read`, the median of a few tries.
template <class Read>
double tried(const Read& read) {
  std::vector<double> speeds;
  for (size_t i = 0; i < kTries; ++i) speeds.push_back(read());
  return median_of(speeds);
}

}  // namespace

Bandwidth::Bandwidth(uint64_t in_order_bytes, const WeightTraffic& traffic, Threads& threads)
    : threads_(threads),
      in_order_size_(std::clamp(in_order_bytes, kSmallest, kLargest)),
      row_bytes_(rounded_up(traffic.row_bytes, kReadStep)),
      units_in_block_(std::max<uint64_t>(traffic.units_in_block, 1)),
      rows_per_pass_(row_bytes_ == 0 ? 0
                                     : std::min(traffic.unit_bytes_held, kLargest) /
                                           (row_bytes_ * units_in_block_)),
      memory_(std::max(in_order_size_, scattered_size())) {
  threads_.for_ranges(memory_.bytes().size(), 1, [&](size_t begin, size_t end) {
    std::memset(memory_.bytes().data() + begin, 1, end - begin);
  });
  choose_patterns();
}

void Bandwidth::choose_patterns() {
  double best = 0;
  for (const size_t streams : kStreams) {
    for (const size_t ahead : kAhead) {
      const kernels::ReadPattern pattern{streams, ahead};
      const double speed = tried([&] { return read_in_order(pattern); });
      if (speed > best) best_pattern_ = pattern;
      best = std::max(best, speed);
    }
  }
  best = 0;
  for (const size_t ahead : kAhead) {
    if (rows_per_pass_ == 0) return;
    const double speed = tried([&] { return read_rows(ahead); });
    if (speed > best) best_ahead_ = ahead;
    best = std::max(best, speed);
  }
}

void Bandwidth::sample() {
  for (size_t i = 0; i < kSamples; ++i) {
    in_order_.push_back(read_in_order(best_pattern_));
    if (rows_per_pass_ > 0) scattered_.push_back(read_rows(best_ahead_));
  }
}

double Bandwidth::in_order() const {
  return median_of(in_order_);
}

double Bandwidth::scattered() const {
  return scattered_.empty() ? 0 : median_of(scattered_);
}

double Bandwidth::read_in_order(const kernels::ReadPattern& pattern) {
  const size_t n = threads_.size();
  const size_t part = in_order_size_ / n / kReadStep * kReadStep;
  const size_t passes = std::max<size_t>(1, kMeasured / in_order_size_);
  const auto start = Clock::now();
  threads_.for_ranges(n, 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      for (size_t pass = 0; pass < passes; ++pass) {
        sink += kernels::read_in_order(memory_.bytes().data() + i * part, part, pattern);
      }
    }
  });
  return double(passes * n * part) / seconds_since(start);
}

double Bandwidth::read_rows(size_t ahead) {
  choose_rows();
  const auto start = Clock::now();
  threads_.for_ranges(rows_.size(), 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      sink += kernels::read_rows(memory_.bytes().data(), row_bytes_, rows_[i].data(),
                                 rows_[i].size(), ahead);
    }
  });
  const double seconds = seconds_since(start);
  size_t n = 0;
  for (const auto& rows : rows_) n += rows.size();
  return double(n * row_bytes_) / seconds;
}

// Other rows each time: those of the last measurement may still be in a cache.
void Bandwidth::choose_rows() {
  const size_t passes =
      std::max<size_t>(1, kMeasured / std::max<uint64_t>(rows_per_pass_ * row_bytes_, 1));
  rows_.assign(threads_.size(), {});
  for (size_t pass = 0; pass < passes; ++pass) {
    for (size_t block = 0; block < rows_per_pass_; ++block) {
      random_ = random_ * 6364136223846793005u + 1442695040888963407u;
      const uint64_t unit = (random_ >> 33) % units_in_block_;
      rows_[block * rows_.size() / rows_per_pass_].push_back(
          uint32_t(block * units_in_block_ + unit));
    }
  }
}

}  // namespace terse
