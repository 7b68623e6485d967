// How fast this machine reads memory now: what the speed of a decoder is set beside.
#pragma once

#include <cstdint>
#include <vector>

#include "core/kernels/read_memory.h"
#include "core/threads.h"
#include "core/traffic.h"
#include "io/memory.h"

namespace terse {

/// Reads memory as a decoder's weights lie in it, and no faster way is left untried: several
/// patterns compete first, the best one is measured. In order: a buffer of the decoder's own
/// working set, which is the cache's speed where that fits a cache. Scattered: rows of the size of
/// its units, one of each block, ascending. Both on huge pages like the weights.
class Bandwidth {
 public:
  /// `in_order_bytes` are read whole for each token; `traffic` tells of the rows. Uses the
  /// decoder's own threads.
  Bandwidth(uint64_t in_order_bytes, const WeightTraffic& traffic, Threads& threads);

  /// Measures a few times; called before, between and after what it is compared with.
  void sample();

  /// Medians of all samples, bytes a second.
  double in_order() const;
  double scattered() const;  // 0: the model has no scattered rows
  /// The buffers' sizes in bytes.
  uint64_t in_order_size() const { return in_order_size_; }
  uint64_t scattered_size() const { return rows_per_pass_ * units_in_block_ * row_bytes_; }

 private:
  double read_in_order(const kernels::ReadPattern& pattern);
  double read_rows(size_t ahead);
  void choose_rows();
  void choose_patterns();

  Threads& threads_;
  uint64_t in_order_size_;
  uint64_t row_bytes_;
  uint64_t units_in_block_;
  uint64_t rows_per_pass_;
  AnonymousMemory memory_;
  std::vector<std::vector<uint32_t>> rows_;  // of each thread, of several passes
  uint64_t random_ = 1;
  kernels::ReadPattern best_pattern_;
  size_t best_ahead_ = 0;
  std::vector<double> in_order_;
  std::vector<double> scattered_;
};

}  // namespace terse
