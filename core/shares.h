// How the threads share the items of a loop that comes again and again.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace terse {

/// The first item of range i of `parts` equal ones; of range `parts`, the end.
size_t range_begin(size_t count, size_t parts, size_t i);

/// Ranges of items that end at much the same time: cores differ, and what else works on them. They
/// begin as equal ones and follow what each thread took for its range, slowly, so that a single
/// interruption moves little.
class Shares {
 public:
  explicit Shares(size_t threads);

  /// The loop that these shares belong to. Another loop starts anew.
  void set_loop(const void* loop, size_t count);

  /// Cuts the items into ranges of at least `grain`, which must be possible.
  void cut(size_t grain);
  /// The first item of thread i; of the number of threads, the end.
  size_t begin(size_t i) const { return begin_[i]; }

  /// seconds: what each thread took for the ranges that were cut.
  void learn(std::span<const float> seconds);

 private:
  size_t threads() const { return shares_.size(); }

  const void* loop_ = nullptr;
  size_t count_ = 0;
  std::vector<float> shares_;  // of the items; 1 in all
  std::vector<size_t> begin_;  // one more
};

}  // namespace terse
