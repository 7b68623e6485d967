#include "core/layers/lsh_pass.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace terse {
namespace {

constexpr size_t kTile = 1024;              // positions that are hashed at once
constexpr size_t kGrain = size_t{1} << 14;  // floats worth another thread

void assign_buckets(ConstMatrix q, const LshHash& hash, const PaddedLength& length, Workspace& work,
                    uint32_t* buckets) {
  const Scratch::Frame frame(work.scratch);
  const size_t tile = std::min(kTile, q.rows);
  const Matrix rotated = work.scratch.matrix(tile, hash.scratch_size());
  for (size_t first = 0; first < q.rows; first += tile) {
    const size_t n = std::min(tile, q.rows - first);
    const size_t grain = kGrain / (hash.scratch_size() + 1) + 1;
    work.threads.for_ranges(n, grain, [&](size_t begin, size_t end) {
      hash.assign(q.row(first + begin), q.stride, end - begin, rotated.row(begin),
                  buckets + first + begin, length.total);
    });
  }
  const bool apart = length.padding == PaddedLength::Padding::own_bucket;
  for (size_t h = 0; h < hash.n_hashes(); ++h) {
    std::fill(buckets + h * length.total + q.rows, buckets + (h + 1) * length.total,
              apart ? uint32_t(hash.n_buckets()) : 0);
  }
}

// order: the positions 0 .. total - 1 by bucket, those of one bucket in ascending order. starts:
// one count for each bucket, overwritten.
void sort_by_bucket(const uint32_t* buckets, size_t total, std::span<uint32_t> starts,
                    uint32_t* order) {
  std::fill(starts.begin(), starts.end(), 0);
  for (size_t i = 0; i < total; ++i) ++starts[buckets[i]];
  uint32_t sum = 0;
  for (uint32_t& start : starts) sum += std::exchange(start, sum);
  for (size_t i = 0; i < total; ++i) order[starts[buckets[i]]++] = uint32_t(i);
}

std::span<const uint32_t> sorted_rounds(const LshHash& hash, size_t total, const uint32_t* buckets,
                                        Workspace& work) {
  const std::span<uint32_t> order = work.scratch.indices(hash.n_hashes() * total);
  const size_t n_starts = hash.n_buckets() + 1;
  const std::span<uint32_t> starts = work.scratch.indices(hash.n_hashes() * n_starts);
  work.threads.for_ranges(hash.n_hashes(), 1, [&](size_t begin, size_t end) {
    for (size_t h = begin; h < end; ++h) {
      sort_by_bucket(buckets + h * total, total, starts.subspan(h * n_starts, n_starts),
                     order.data() + h * total);
    }
  });
  return order;
}

// attended: [n_hashes * n, d_v], log_sums: [n_hashes, n], y: [n, d_v]. The weight of a hash is
// exp(log_sum - log of all sums), with Trax's rounding where the log_sums are near -1e5 (see
// attend_rows).
void join_hashes(ConstMatrix attended, std::span<const float> log_sums, Threads& threads,
                 Matrix y) {
  const size_t n = y.rows;
  threads.for_ranges(n, kGrain / y.cols + 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      float largest = log_sums[i];
      for (size_t at = i; at < log_sums.size(); at += n) largest = std::max(largest, log_sums[at]);
      float total = 0.0f;
      for (size_t at = i; at < log_sums.size(); at += n) total += std::exp(log_sums[at] - largest);
      const float log_total = largest + std::log(total);
      auto joined = as_eigen(y.middle_rows(i, 1));
      joined.setZero();
      for (size_t at = i; at < log_sums.size(); at += n) {
        joined += std::exp(log_sums[at] - log_total) * as_eigen(attended.middle_rows(at, 1));
      }
    }
  });
}

}  // namespace

void attend_by_buckets(const ChunkedHead& head, const LshHash& hash, const PaddedLength& length,
                       const ChunkShape& chunks, Workspace& work, Matrix y, uint32_t* buckets) {
  const Scratch::Frame frame(work.scratch);
  assign_buckets(head.q, hash, length, work, buckets);
  const auto order = sorted_rounds(hash, length.total, buckets, work);
  if (hash.n_hashes() == 1) {
    attend_in_chunks(head, order, length.total, chunks, work.threads, work.scratch, y, nullptr);
    return;
  }
  const Matrix attended = work.scratch.matrix(hash.n_hashes() * y.rows, y.cols);
  const std::span<float> log_sums = work.scratch.floats(attended.rows);
  attend_in_chunks(head, order, length.total, chunks, work.threads, work.scratch, attended,
                   log_sums.data());
  join_hashes(attended, log_sums, work.threads, y);
}

}  // namespace terse
