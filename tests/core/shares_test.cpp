// Shares of a loop: they cover it, follow the speeds of the threads, and forget other loops.
#include "core/shares.h"

#include <catch2/catch.hpp>
#include <vector>

using terse::range_begin;
using terse::Shares;

namespace {

const int kLoop = 0, kOther = 0;

/// One turn: each thread takes so many seconds an item.
void turn(Shares& shares, const std::vector<float>& item, size_t grain = 1) {
  shares.cut(grain);
  std::vector<float> seconds;
  for (size_t i = 0; i < item.size(); ++i) {
    seconds.push_back(item[i] * float(shares.begin(i + 1) - shares.begin(i)));
  }
  shares.learn(seconds);
}

}  // namespace

TEST_CASE("shares settle where all threads end at once") {
  for (const size_t count : {64, 1000}) {
    Shares shares(3);
    shares.set_loop(&kLoop, count);
    for (int i = 0; i < 100; ++i) turn(shares, {1e-5f, 2e-5f, 2e-5f});
    shares.cut(1);
    CHECK(shares.begin(0) == 0);
    CHECK(shares.begin(1) == count / 2);
    CHECK(shares.begin(2) == count / 4 * 3);
    CHECK(shares.begin(3) == count);
  }
}

TEST_CASE("one interruption moves the shares little") {
  Shares shares(2);
  shares.set_loop(&kLoop, 100);
  turn(shares, {1e-6f, 1.0f});
  shares.cut(1);
  CHECK(shares.begin(1) > 50);
  CHECK(shares.begin(1) < 60);
}

TEST_CASE("loops too short to be measured stay as they are") {
  Shares shares(2);
  shares.set_loop(&kLoop, 100);
  for (int i = 0; i < 50; ++i) turn(shares, {1e-8f, 3e-8f});
  shares.cut(1);
  CHECK(shares.begin(1) == 50);
}

TEST_CASE("ranges are equal where the shares would make one shorter than the grain") {
  Shares shares(2);
  shares.set_loop(&kLoop, 100);
  for (int i = 0; i < 100; ++i) turn(shares, {1e-5f, 3e-5f});
  shares.cut(20);
  CHECK(shares.begin(1) > 60);
  shares.cut(45);
  CHECK(shares.begin(1) == 50);
}

TEST_CASE("times of zero and of an hour leave usable shares") {
  Shares shares(2);
  shares.set_loop(&kLoop, 10);
  for (int i = 0; i < 100; ++i) {
    shares.cut(1);
    shares.learn(std::vector<float>{0.0f, 3600.0f});
  }
  shares.cut(1);
  CHECK(shares.begin(1) >= 5);
  CHECK(shares.begin(1) < 10);
}

TEST_CASE("another loop, or another number of items, starts with equal shares") {
  Shares shares(2);
  for (const auto& [loop, count] : {std::pair{&kOther, size_t{100}}, {&kLoop, size_t{90}}}) {
    shares.set_loop(&kLoop, 100);
    for (int i = 0; i < 20; ++i) turn(shares, {1e-5f, 4e-5f});
    shares.set_loop(loop, count);
    shares.cut(1);
    CHECK(shares.begin(1) == count / 2);
  }
}

TEST_CASE("equal ranges differ by one item at most") {
  CHECK(range_begin(10, 3, 0) == 0);
  CHECK(range_begin(10, 3, 1) == 4);
  CHECK(range_begin(10, 3, 2) == 7);
  CHECK(range_begin(10, 3, 3) == 10);
}
