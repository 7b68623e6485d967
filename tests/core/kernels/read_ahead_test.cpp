// What is asked for before it is read: shares, order and pace. Asking has no effect that a test
// could see, so the lines that are left tell.
#include "core/kernels/read_ahead.h"

#include <catch2/catch.hpp>
#include <vector>

#include "core/kernels/attention.h"
#include "core/kernels/convolution.h"
#include "core/kernels/matmul.h"

namespace terse::kernels {
namespace {

TEST_CASE("ranges to read ahead are shared out whole, and end") {
  const std::vector<std::byte> memory(10 * 100);
  const ReadAhead all(memory.data(), 100, 10, 100);
  CHECK(all.lines() == 20);  // two for each
  size_t lines = 0;
  for (size_t part = 0; part < 3; ++part) lines += all.part(part, part + 1, 3).lines();
  CHECK(lines == 20);
  ReadAhead some = all.part(0, 1, 2);
  CHECK(some.lines() == 10);
  some.ask(3);
  CHECK(some.lines() == 7);
  some.ask(100);
  CHECK(some.lines() == 0);
  CHECK(ReadAhead().lines() == 0);
  CHECK(ReadAhead(memory.data(), 0, 5, 100).lines() == 0);
}

TEST_CASE("a range to read ahead gives up its first lines, ranges whole or in part") {
  const std::vector<std::byte> memory(4 * 200);
  ReadAhead all(memory.data(), 130, 4, 200);  // three lines in each
  CHECK(all.take(2).lines() == 2);
  CHECK(all.lines() == 10);
  CHECK(all.take(5).lines() == 1);  // to the end of the range
  CHECK(all.take(7).lines() == 6);
  CHECK(all.take(3).lines() == 3);
  CHECK(all.lines() == 0);
  CHECK(all.take(3).lines() == 0);
  CHECK(all.lines() == 0);
}

TEST_CASE("an array to read ahead is whole however it is shared") {
  const std::vector<std::byte> memory(10000);
  const ReadAhead whole = ReadAhead::whole(memory.data(), memory.size());
  CHECK(whole.lines() >= memory.size() / kLineBytes);
  CHECK(whole.part(0, 1, 3).lines() + whole.part(1, 3, 3).lines() == whole.lines());
  CHECK(ReadAhead::whole(memory.data(), 100).lines() == 2);
  CHECK(ReadAhead::whole(memory.data(), 0).lines() == 0);
}

TEST_CASE("a list to read ahead is asked for whole in its turns, but no faster than allowed") {
  const std::vector<std::byte> memory(64 * 1000);
  const auto list = [&] {
    return ReadList(ReadAhead(memory.data(), 64 * 300))
        .then(ReadAhead(memory.data(), 64, 100, 640));
  };
  ReadList all = list();
  CHECK(all.lines() == 400);
  CHECK(all.part(0, 1, 4).lines() + all.part(1, 4, 4).lines() == 400);
  size_t asked = 0;
  for (size_t turns = 10; turns > 0; --turns) {
    PacedReads turn = all.take_turn(turns, 8, 100);
    const size_t before = turn.reads.lines();
    for (size_t step = 0; step < 8; ++step) turn.step();
    CHECK(turn.reads.lines() == 0);
    asked += before;
  }
  CHECK(asked == 400);
  CHECK(all.take_turn(1, 8, 100).lines == 0);

  ReadList whole = list();
  for (size_t left = 400; left > 0; left -= 4) {
    CHECK(!whole.done());
    whole.ask(4);
  }
  CHECK(whole.done());

  ReadList slow = list();
  CHECK(slow.take_turn(2, 8, 3).reads.lines() == 24);
  CHECK(slow.take_turn(0, 8, 3).reads.lines() == 0);
}

TEST_CASE("a list to read ahead keeps what there is room for") {
  const std::vector<std::byte> memory(64);
  ReadList list;
  for (size_t i = 0; i < 20; ++i) list.then(ReadAhead(memory.data(), 64));
  CHECK(list.lines() > 1);
  CHECK(list.lines() < 20);
}

// Values that differ, none of them special.
std::vector<float> some_floats(size_t n) {
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = float(i * 37 % 101) / 50.0f - 1.0f;
  return values;
}

TEST_CASE("kernels of floats give the same bits whatever they ask for") {
  const std::vector<std::byte> memory(64 * 500);
  const ReadList later = ReadList(ReadAhead(memory.data(), 64 * 3, 100, 64 * 5));
  const size_t m = 14, n = 21, k = 150;
  const std::vector<float> x = some_floats(m * k), w = some_floats(n * k), bias = some_floats(n);
  std::vector<float> plain(m * n), asking(m * n);
  matmul(x.data(), k, m, w.data(), n, k, bias.data(), plain.data(), n);
  matmul(x.data(), k, m, w.data(), n, k, bias.data(), asking.data(), n, later);
  CHECK(asking == plain);

  const Patches patches{x.data(), m, k, 1, 0, k};
  convolve(patches, w.data(), n, bias.data(), plain.data(), n);
  convolve(patches, w.data(), n, bias.data(), asking.data(), n, later);
  CHECK(asking == plain);

  const size_t length = 140, d = 8;  // more than a block of keys
  const std::vector<float> keys = some_floats(length * d), values = some_floats(length * d);
  std::vector<float> out(d), out_asking(d);
  attend(x.data(), keys.data(), values.data(), length, d, d, 0.3f, out.data());
  attend_many(x.data(), d, 1, keys.data(), values.data(), length, 0, d, d, 0.3f, out_asking.data(),
              d, reinterpret_cast<const std::byte*>(values.data()));
  CHECK(out_asking == out);
}

}  // namespace
}  // namespace terse::kernels
