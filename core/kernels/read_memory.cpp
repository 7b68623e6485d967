// Reads with the widest loads; sums are the cheapest use of what was read that the compiler may not
// drop.
#include "core/kernels/read_memory.h"
#include "core/kernels/read_ahead.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/read_memory.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Words = hn::ScalableTag<uint64_t>;
using WordVec = hn::Vec<Words>;

// Sums side by side, so that no load waits for an addition.
constexpr size_t kSums = 4;
constexpr size_t kLine = 64;

HWY_INLINE void prefetch_step(const std::byte* at) {
  for (size_t i = 0; i < kReadStep; i += kLine) prefetch_line(at + i);
}

HWY_INLINE void read_step(const std::byte* at, WordVec (&sums)[kSums]) {
  const Words d;
  const auto* words = reinterpret_cast<const uint64_t*>(at);
  const size_t lanes = hn::Lanes(d);
  for (size_t i = 0; i < kReadStep / sizeof(uint64_t); i += kSums * lanes) {
    for (size_t s = 0; s < kSums; ++s) {
      sums[s] = hn::Add(sums[s], hn::LoadU(d, words + i + s * lanes));
    }
  }
}

HWY_INLINE uint64_t total(const WordVec (&sums)[kSums]) {
  const Words d;
  const WordVec all = hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3]));
  HWY_ALIGN uint64_t lanes[hn::MaxLanes(Words())];
  hn::Store(all, d, lanes);
  uint64_t sum = 0;
  for (size_t i = 0; i < hn::Lanes(d); ++i) sum += lanes[i];
  return sum;
}

template <size_t kStreams, bool kPrefetch>
uint64_t read_streams(const std::byte* data, size_t bytes, size_t ahead) {
  const Words d;
  WordVec sums[kSums] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  const size_t stream = bytes / kStreams / kReadStep * kReadStep;
  for (size_t i = 0; i < stream; i += kReadStep) {
    for (size_t s = 0; s < kStreams; ++s) {
      const std::byte* at = data + s * stream + i;
      if (kPrefetch) prefetch_step(at + ahead);  // past the end it does nothing
      read_step(at, sums);
    }
  }
  return total(sums);
}

template <size_t kStreams>
uint64_t read_with(const std::byte* data, size_t bytes, size_t ahead) {
  return ahead > 0 ? read_streams<kStreams, true>(data, bytes, ahead)
                   : read_streams<kStreams, false>(data, bytes, 0);
}

uint64_t read_in_order(const std::byte* data, size_t bytes, const ReadPattern& pattern) {
  switch (pattern.streams) {
    case 8:
      return read_with<8>(data, bytes, pattern.ahead);
    case 4:
      return read_with<4>(data, bytes, pattern.ahead);
    case 2:
      return read_with<2>(data, bytes, pattern.ahead);
    default:
      return read_with<1>(data, bytes, pattern.ahead);
  }
}

uint64_t read_rows(const std::byte* data, size_t row_bytes, const uint32_t* rows, size_t n,
                   size_t ahead) {
  const Words d;
  WordVec sums[kSums] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  size_t next = ahead / row_bytes;  // where the prefetches are: a row, and a place in it
  size_t next_at = ahead % row_bytes / kReadStep * kReadStep;
  for (size_t i = 0; i < n; ++i) {
    const std::byte* row = data + size_t{rows[i]} * row_bytes;
    for (size_t at = 0; at < row_bytes; at += kReadStep) {
      if (ahead > 0 && next < n) {
        prefetch_step(data + size_t{rows[next]} * row_bytes + next_at);
        next_at += kReadStep;
        if (next_at >= row_bytes) {
          next_at = 0;
          ++next;
        }
      }
      read_step(row + at, sums);
    }
  }
  return total(sums);
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(read_in_order);
HWY_EXPORT(read_rows);

uint64_t read_in_order(const std::byte* data, size_t bytes, const ReadPattern& pattern) {
  return HWY_DYNAMIC_DISPATCH(read_in_order)(data, bytes, pattern);
}

uint64_t read_rows(const std::byte* data, size_t row_bytes, const uint32_t* rows, size_t n,
                   size_t ahead) {
  return HWY_DYNAMIC_DISPATCH(read_rows)(data, row_bytes, rows, n, ahead);
}

}  // namespace terse::kernels
#endif
