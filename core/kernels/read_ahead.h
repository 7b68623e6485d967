// Memory that a thread asks for before it reads it: what computes more than it reads leaves the
// memory idle, and can fetch what the next step waits for.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

namespace terse::kernels {

/// What memory delivers at once.
constexpr size_t kLineBytes = 64;

/// Bytes ahead of what it reads in order that a product of several rows asks for its weights:
/// between so many multiply-adds the hardware alone falls behind.
constexpr size_t kAskAhead = 2048;

/// Asks for the line at p, to be in the second-level cache soon; p may point anywhere. The first
/// level has too few requests in flight to keep up with memory.
inline void prefetch_line(const void* p) {
  __builtin_prefetch(p, 0, 2);
  // GCC takes a function that only prefetches for one without any effect, and drops the calls of
  // it.
  asm volatile("");
}

/// The same for what is read next: to be in the first-level cache.
inline void prefetch_near(const void* p) {
  __builtin_prefetch(p, 0, 3);
  asm volatile("");
}

/// Asks for some lines from p on; up to 8 without a loop. Between products a loop of a few turns
/// costs far more than the lines themselves.
inline void prefetch_lines(const std::byte* p, size_t lines) {
  for (; lines > 8; --lines, p += kLineBytes) prefetch_line(p);
  switch (lines) {
    case 8:
      prefetch_line(p + 7 * kLineBytes);
      [[fallthrough]];
    case 7:
      prefetch_line(p + 6 * kLineBytes);
      [[fallthrough]];
    case 6:
      prefetch_line(p + 5 * kLineBytes);
      [[fallthrough]];
    case 5:
      prefetch_line(p + 4 * kLineBytes);
      [[fallthrough]];
    case 4:
      prefetch_line(p + 3 * kLineBytes);
      [[fallthrough]];
    case 3:
      prefetch_line(p + 2 * kLineBytes);
      [[fallthrough]];
    case 2:
      prefetch_line(p + 1 * kLineBytes);
      [[fallthrough]];
    case 1:
      prefetch_line(p);
  }
}

/// Ranges of equal size, a stride apart. They are asked for one after the other, a few lines at a
/// time, to be in the second-level cache soon. A small value: each thread has its own.
class ReadAhead {
 public:
  ReadAhead() = default;
  ReadAhead(const std::byte* first, size_t bytes, size_t ranges = 1, size_t stride = 0)
      : at_(first), bytes_(bytes), ranges_(bytes == 0 ? 0 : ranges), stride_(stride) {
    left_ = lines_of_range();
  }
  /// An array that threads may share piece by piece.
  static ReadAhead whole(const std::byte* first, size_t bytes) {
    const size_t piece = std::clamp<size_t>(bytes, 1, kPiece);
    return {first, piece, (bytes + piece - 1) / piece, piece};
  }

  /// Those of the ranges that belong to parts begin .. end of `parts` equal ones.
  ReadAhead part(size_t begin, size_t end, size_t parts) const {
    const size_t from = ranges_ * begin / parts;
    return {range() + from * stride_, bytes_, ranges_ * end / parts - from, stride_};
  }

  /// Lines that are left.
  size_t lines() const { return ranges_ * lines_of_range() - lines_done(); }

  void ask(size_t lines) {
    while (lines > 0 && ranges_ > 0) {
      const size_t some = std::min(lines, left_);
      prefetch_lines(at_, some);
      lines -= some;
      advance(some);
    }
  }

  /// Takes the first lines away, at most so many: whole ranges, or some of one.
  ReadAhead take(size_t lines) {
    if (ranges_ == 0) return {};
    if (lines_done() == 0 && lines > left_) {
      const ReadAhead taken(at_, bytes_, std::min(lines / left_, ranges_), stride_);
      at_ += taken.ranges_ * stride_;
      ranges_ -= taken.ranges_;
      return taken;
    }
    const size_t some = std::min(lines, left_);
    const ReadAhead taken(at_, some * kLineBytes);
    advance(some);
    return taken;
  }

 private:
  static constexpr size_t kPiece = 32 * kLineBytes;

  size_t lines_of_range() const { return (bytes_ + kLineBytes - 1) / kLineBytes; }
  // Of the range that has been begun.
  size_t lines_done() const { return ranges_ == 0 ? 0 : lines_of_range() - left_; }
  // Where it begins.
  const std::byte* range() const { return at_ - lines_done() * kLineBytes; }

  void advance(size_t lines) {
    at_ += lines * kLineBytes;
    left_ -= lines;
    if (left_ > 0) return;
    left_ = lines_of_range();
    at_ = at_ - left_ * kLineBytes + stride_;
    --ranges_;
  }

  const std::byte* at_ = nullptr;
  size_t left_ = 0;  // lines of the range that has been begun
  size_t bytes_ = 0;
  size_t ranges_ = 0;  // that one, and those behind it
  size_t stride_ = 0;
};

/// Asks at a pace: so many lines at each step of a loop.
struct PacedReads {
  ReadAhead reads;
  size_t lines = 0;

  PacedReads() = default;
  /// All of them in so many steps.
  PacedReads(const ReadAhead& all, size_t steps)
      : reads(all), lines(steps == 0 ? 0 : (all.lines() + steps - 1) / steps) {}

  void step() { reads.ask(lines); }
};

/// Most lines of what is read later that a product asks for at a line of its weights, or at a group
/// of them: about what memory delivers meanwhile.
constexpr size_t kMostLater = 8;

/// What is read later: some arrays, one after the other.
class ReadList {
 public:
  ReadList() = default;
  ReadList(const ReadAhead& array) {  // NOLINT(google-explicit-constructor): a list of one
    then(array);
  }

  /// Appends others, as far as there is room.
  ReadList& then(const ReadList& others) {
    for (size_t i = others.now_; i < others.end_; ++i) then(others.arrays_[i]);
    return *this;
  }
  ReadList& then(const ReadAhead& array) {
    if (array.lines() > 0 && end_ < kMostArrays) arrays_[end_++] = array;
    return *this;
  }

  /// Of each array its share, as ReadAhead::part().
  ReadList part(size_t begin, size_t end, size_t parts) const {
    ReadList some;
    for (size_t i = now_; i < end_; ++i) some.then(arrays_[i].part(begin, end, parts));
    return some;
  }

  bool done() const { return now_ == end_; }

  size_t lines() const {
    size_t lines = 0;
    for (size_t i = now_; i < end_; ++i) lines += arrays_[i].lines();
    return lines;
  }

  /// Asks for the first lines, at most so many, at once.
  void ask(size_t most) {
    for (; now_ < end_ && most > 0; ++now_) {
      const size_t lines = std::min(most, arrays_[now_].lines());
      arrays_[now_].ask(lines);
      most -= lines;
      if (arrays_[now_].lines() > 0) return;
    }
  }

  /// What to ask for in one of the `turns` that are left, of so many steps each and at most `most`
  /// lines in a step. It is taken away.
  PacedReads take_turn(size_t turns, size_t steps, size_t most) {
    if (now_ == end_ || turns == 0) return {};
    const size_t share = std::min((lines() + turns - 1) / turns, steps * most);
    const PacedReads turn(arrays_[now_].take(share), steps);
    if (arrays_[now_].lines() == 0) ++now_;
    return turn;
  }

 private:
  static constexpr size_t kMostArrays = 8;

  std::array<ReadAhead, kMostArrays> arrays_;
  size_t now_ = 0;
  size_t end_ = 0;
};

}  // namespace terse::kernels
