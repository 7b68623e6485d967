// The generator gives the published numbers, and each seed, record and step numbers of its own.
#include "core/decoding/random.h"

#include <catch2/catch.hpp>
#include <set>
#include <vector>

namespace terse::test {

// Known answers of the authors' own implementation (Random123, kat_vectors).
TEST_CASE("Philox gives the published numbers") {
  using Counter = std::array<uint32_t, 4>;
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == Counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("A record's key is its id's 64-bit FNV-1a") {
  CHECK(record_key("") == 0xcbf29ce484222325);
  CHECK(record_key("a") == 0xaf63dc4c8601ec8c);
  CHECK(record_key("foobar") == 0x85944171f73967e8);
}

TEST_CASE("Seed, record and step each change the number, in their upper halves too") {
  std::set<double> seen;
  for (const uint64_t shift : {0, 32}) {
    seen.insert(uniform(uint64_t{1} << shift, 0, 0));
    seen.insert(uniform(0, uint64_t{1} << shift, 0));
    seen.insert(uniform(0, 0, uint64_t{1} << shift));
  }
  seen.insert(uniform(0, 0, 0));
  CHECK(seen.size() == 7);
}

TEST_CASE("Numbers are even from 0 up to 1, along steps, records and seeds") {
  const int along = GENERATE(0, 1, 2);
  constexpr size_t kBins = 64;
  constexpr size_t kDraws = 64000;
  std::vector<double> counts(kBins);
  for (uint64_t i = 0; i < kDraws; ++i) {
    const double x = along == 0   ? uniform(7, 8, i)
                     : along == 1 ? uniform(7, i, 8)
                                  : uniform(i, 7, 8);
    REQUIRE(x >= 0);
    REQUIRE(x < 1);
    ++counts[size_t(x * kBins)];
  }
  double chi_square = 0;
  const double expected = double(kDraws) / kBins;
  for (const double count : counts)
    chi_square += (count - expected) * (count - expected) / expected;
  CHECK(chi_square < 117);  // 63 degrees of freedom: 1 in 30,000 would be above
  CHECK(chi_square > 27);   // and 1 in 30,000 below: too even is wrong, too
}

}  // namespace terse::test
