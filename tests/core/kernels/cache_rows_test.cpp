// Storing rows of a cache, bit for bit as the reference does, and what is read back.
#include "core/kernels/cache_rows.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "tests/core/kernels/cache_rows_support.h"

using namespace terse;
using namespace terse::kernels;

namespace {

struct Stored {
  std::vector<std::byte> bytes;
  std::vector<float> scales;
};

// Rows with a gap of one byte between them, as heads have gaps.
template <class Store>
Stored stored(const Store& store, const std::vector<float>& x, size_t d, CacheType type) {
  const size_t n = x.size() / d;
  const size_t gap = size_of(type);
  const size_t stride = d * size_of(type) + gap;
  Stored result{std::vector<std::byte>(n * stride - gap, std::byte{0x55}),
                std::vector<float>(2 * n, -1.0f)};
  store(x.data(), n, d, {result.bytes.data(), stride, type, result.scales.data(), 2});
  return result;
}

void check_same(const std::vector<float>& x, size_t d) {
  for_each_isa_and_cache_type([&](CacheType type) {
    const Stored fast = stored(store_rows, x, d, type);
    const Stored plain = stored(reference::store_rows, x, d, type);
    CHECK(fast.bytes == plain.bytes);
    CHECK(std::memcmp(fast.scales.data(), plain.scales.data(), 4 * plain.scales.size()) == 0);
  });
}

}  // namespace

TEST_CASE("Rows are stored as the reference stores them, at every length") {
  for (const size_t d : {1, 3, 15, 16, 17, 31, 64, 96, 100}) {
    CAPTURE(d);
    check_same(random_floats(5 * d, uint32_t(d)), d);
  }
}

TEST_CASE("Ties, zeros, tiny and huge values are stored as the reference stores them") {
  check_same({127, 0.5f, 1.5f, -0.5f, -2.5f, -127, 63.5f, -126.5f}, 8);
  check_same({0, -0.0f, 0, 0}, 4);
  check_same({1e-38f, -1e-39f, 0, 1e-31f}, 4);
  check_same({3e38f, -3e38f, 1, 2e38f}, 4);
  // Halves of a step of bfloat16, to the even neighbour.
  check_same({1.00390625f, 1.01171875f, -1.00390625f, 3.3895313892515355e38f}, 4);
}

TEST_CASE("An int8 row is within half a step, and the largest value is its own") {
  const std::vector<float> x = random_floats(64, 1);
  const TestRows rows(x, 64, CacheType::int8);
  float largest = 0;
  for (const float value : x) largest = std::max(largest, std::abs(value));
  for (size_t c = 0; c < x.size(); ++c) {
    const float read = reference::value_at(rows, 0, c, 64);
    CHECK(std::abs(read - x[c]) <= largest / 127 * 0.5001f);
    if (std::abs(x[c]) == largest) CHECK(read == Approx(x[c]).epsilon(1e-6));
  }
}

TEST_CASE("A NaN or an infinity shows in what is read from any type") {
  for_each_isa_and_cache_type([](CacheType type) {
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      std::vector<float> x = random_floats(20, 3);
      x[18] = bad;
      const Stored row = stored(store_rows, x, 20, type);
      const CacheRows view(row.bytes.data(), type, row.scales.data());
      CHECK(!std::isfinite(reference::value_at(view, 0, 18, 20)));
    }
  });
}

TEST_CASE("Scores and sums of rows are those of their values") {
  for_each_isa_and_cache_type([](CacheType type) {
    for (const size_t d : {1, 8, 17, 64}) {
      const size_t n = 11;
      const auto q = random_floats(d, 4);
      const TestRows rows(random_floats(n * d, 5), d, type);
      std::vector<float> scores(n), y(d, 1.0f);
      score_rows(q.data(), rows, n, d, 0.5f, scores.data());
      add_row(CacheRows(rows).from(7, d), d, y.data());
      for (size_t j = 0; j < n; ++j) {
        double expected = 0;
        for (size_t c = 0; c < d; ++c) {
          expected += 0.5 * q[c] * reference::value_at(rows, j, c, d);
        }
        CHECK(scores[j] == Approx(expected).margin(1e-5));
      }
      for (size_t c = 0; c < d; ++c) {
        CHECK(y[c] == Approx(1 + reference::value_at(rows, 7, c, d)).margin(1e-6));
      }
    }
  });
}
