// The threads: every item once, ranges that follow their speed, and no work while they wait.
#include "core/threads.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <ctime>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

using terse::Threads;
using terse::kernels::ReadAhead;

namespace {

using Ranges = std::set<std::pair<size_t, size_t>>;

Ranges ranges_of(Threads& threads, size_t count, size_t grain) {
  Ranges ranges;
  std::mutex mutex;
  threads.for_ranges(count, grain, [&](size_t begin, size_t end) {
    const std::lock_guard lock(mutex);
    ranges.emplace(begin, end);
  });
  return ranges;
}

}  // namespace

TEST_CASE("ranges cover every item once and are no shorter than the grain") {
  for (const size_t size : {1, 2, 3, 8}) {
    Threads threads(size);
    REQUIRE(threads.size() == size);
    for (const size_t count : {1, 2, 7, 8, 9, 100, 1023}) {
      for (const size_t grain : {0, 1, 4, 50, 5000}) {
        INFO(size << " threads, " << count << " items, grain " << grain);
        const Ranges ranges = ranges_of(threads, count, grain);
        REQUIRE(ranges.size() <= size);
        size_t next = 0;
        for (const auto& [begin, end] : ranges) {
          REQUIRE(begin == next);
          REQUIRE(end > begin);
          if (ranges.size() > 1) REQUIRE(end - begin >= grain);
          next = end;
        }
        REQUIRE(next == count);
      }
    }
  }
}

TEST_CASE("no items means no call") {
  Threads threads(2);
  CHECK(ranges_of(threads, 0, 1).empty());
}

TEST_CASE("ranges are equal at first, and where there are fewer than threads") {
  Threads threads(3);
  CHECK(ranges_of(threads, 100, 1) == Ranges{{0, 33}, {33, 67}, {67, 100}});
  for (int i = 0; i < 50; ++i) {
    REQUIRE(ranges_of(threads, 100, 50) == Ranges{{0, 50}, {50, 100}});
  }
}

TEST_CASE("a thread whose items take longer gets fewer of them") {
  constexpr int kTurns = 60;
  Threads threads(2);
  const auto caller = std::this_thread::get_id();
  size_t own = 0;  // in the second half of the turns
  for (int turn = 0; turn < kTurns; ++turn) {
    threads.for_ranges(100, 1, [&](size_t begin, size_t end) {
      const bool slow = std::this_thread::get_id() == caller;
      if (slow && turn >= kTurns / 2) own += end - begin;
      std::this_thread::sleep_for(std::chrono::microseconds(slow ? 150 : 50) * (end - begin));
    });
  }
  CHECK(own > 10 * kTurns / 2);
  CHECK(own < 40 * kTurns / 2);
}

TEST_CASE("few items are done by the caller itself") {
  Threads threads(4);
  std::thread::id worker;
  threads.for_ranges(3, 4, [&](size_t, size_t) { worker = std::this_thread::get_id(); });
  CHECK(worker == std::this_thread::get_id());
}

TEST_CASE("many short loops in a row lose nothing, with more threads than processors too") {
  for (const size_t size : {2, 5}) {
    Threads threads(size);
    std::vector<int> hits(64, 0);
    for (int round = 0; round < 5000; ++round) {
      threads.for_ranges(hits.size(), 1, [&](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) ++hits[i];
      });
    }
    CHECK(hits == std::vector<int>(64, 5000));
  }
}

TEST_CASE("what helpers wrote is seen after the loop, also when they had gone to sleep") {
  Threads threads(2);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::vector<int> written(2, -1);
    threads.for_ranges(2, 1, [&](size_t begin, size_t) { written[begin] = round; });
    REQUIRE(written == std::vector<int>(2, round));
  }
}

TEST_CASE("loops lose nothing while helpers ask for memory in between") {
  const std::vector<std::byte> memory(1 << 20);
  for (const size_t size : {1, 2, 5}) {
    Threads threads(size);
    std::vector<int> hits(64, 0);
    for (int round = 0; round < 2000; ++round) {
      threads.ask_while_waiting(ReadAhead(memory.data(), size_t{1} << round % 21));
      for (int loop = 0; loop < 2; ++loop) {
        threads.for_ranges(hits.size(), 1, [&](size_t begin, size_t end) {
          for (size_t i = begin; i < end; ++i) ++hits[i];
        });
      }
    }
    CHECK(hits == std::vector<int>(64, 4000));
  }
}

TEST_CASE("threads that wait leave the processor alone, whatever they are to ask for") {
  const std::vector<std::byte> memory(size_t{64} << 20);
  Threads threads(4);
  threads.ask_while_waiting(ReadAhead(memory.data(), memory.size()));
  threads.for_ranges(4, 1, [](size_t, size_t) {});
  const std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const double used = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  CHECK(used < 0.05);
}

TEST_CASE("threads that never worked can be ended") {
  for (int i = 0; i < 50; ++i) const Threads threads(3);
}
