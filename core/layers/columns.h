// Loops over the columns of a matrix, shared by the threads: of a single token's vectors each
// thread takes the columns that it made itself, as far as that can be.
#pragma once

#include <algorithm>

#include "core/kernels/quantize.h"
#include "core/kernels/vector.h"
#include "core/matrix.h"
#include "core/packing.h"
#include "core/threads.h"

namespace terse {

/// Values that are worth another thread, if little is done with each. Of a single token's vector
/// few are: the other thread made them and has them in its cache.
constexpr size_t worth_sharing(size_t positions) {
  return size_t{1} << (positions == 1 ? 12 : 15);
}

/// work(begin, end) on ranges of the columns [0, count), each at least `grain` long: ranges begin
/// where a row of any weight type may be cut.
template <class Work>
void for_columns(size_t count, size_t grain, Threads& threads, Work&& work) {
  threads.for_ranges(
      groups_of(count), groups_of(std::max<size_t>(grain, 64)),
      [&](size_t begin, size_t end) { work(begin * kGroup, std::min(end * kGroup, count)); });
}

/// work(i, begin, end) on the columns of each row that a range of them spans: whole spans of a
/// plain row (kernels::span_of).
template <class Work>
void for_spans(ConstMatrix x, Threads& threads, Work&& work) {
  const size_t groups = groups_of(x.cols);
  const size_t spans = kernels::spans_of(groups);
  const size_t step = kernels::span_of(groups) * kGroup;
  threads.for_ranges(x.rows * spans, worth_sharing(x.rows) / step, [&](size_t begin, size_t end) {
    while (begin < end) {
      const size_t first = begin % spans;
      const size_t some = std::min(end - begin, spans - first);
      work(begin / spans, first * step, std::min((first + some) * step, x.cols));
      begin += some;
    }
  });
}

/// y += x. x, y: [n, d].
inline void add_to(ConstMatrix x, Threads& threads, Matrix y) {
  if (y.rows == 0) return;
  for_columns(y.cols, worth_sharing(y.rows) / y.rows, threads, [&](size_t begin, size_t end) {
    for (size_t i = 0; i < y.rows; ++i) {
      kernels::add(x.row(i) + begin, end - begin, y.row(i) + begin);
    }
  });
}

}  // namespace terse
