// Attention over chosen rows against the reference, with every mask.
#include "core/kernels/attend_rows.h"

#include <catch2/catch.hpp>

#include "tests/core/kernels/cache_rows_support.h"

using namespace terse;
using namespace terse::kernels;

namespace {

struct Case {
  size_t n_rows, total, d_qk, d_v;
  RowMask mask;
};

const std::vector<Case> kCases = {
    {1, 1, 1, 1, {0, 1, false, false}},          {5, 9, 3, 5, {4, 9, false, true}},
    {40, 40, 64, 64, {20, 40, true, true}},      {128, 60, 17, 33, {30, 50, true, false}},
    {129, 200, 64, 96, {100, 150, false, true}}, {700, 300, 8, 8, {200, 290, true, true}},
};

// Some rows, the query's own always among them, some of them several times.
std::vector<uint32_t> choose(const Case& c) {
  std::mt19937 generator(11);
  std::uniform_int_distribution<uint32_t> uniform(0, uint32_t(c.total - 1));
  std::vector<uint32_t> rows(c.n_rows);
  for (uint32_t& row : rows) row = uniform(generator);
  rows[c.n_rows / 2] = c.mask.query;
  return rows;
}

}  // namespace

TEST_CASE("attend_rows is within a few millionths of the reference, under every mask") {
  for_each_isa_and_cache_type([](CacheType type) {
    for (const Case& c : kCases) {
      INFO("rows " << c.n_rows << " d_qk " << c.d_qk << " d_v " << c.d_v);
      const size_t gap = 3;  // heads stand side by side: rows are further apart than they are long
      const auto q = random_floats(c.d_qk, 1);
      const TestRows keys(random_floats(c.total * (c.d_qk + gap), 2), c.d_qk + gap, type);
      const TestRows values(random_floats(c.total * (c.d_v + gap), 3), c.d_v + gap, type);
      const std::vector<uint32_t> rows = choose(c);
      const HeadRows k{keys, c.d_qk + gap};
      const HeadRows v{values, c.d_v + gap};
      std::vector<float> out(c.d_v), expected(c.d_v);
      const float scale = 1.0f / std::sqrt(static_cast<float>(c.d_qk));
      const float log_sum = attend_rows(q.data(), k, v, rows.data(), rows.size(), c.d_qk, c.d_v,
                                        scale, c.mask, out.data());
      const float log_expected = reference::attend_rows(
          q.data(), k, v, rows.data(), rows.size(), c.d_qk, c.d_v, scale, c.mask, expected.data());
      CHECK(log_sum == Approx(log_expected).margin(1e-5));
      for (size_t i = 0; i < c.d_v; ++i) {
        REQUIRE(out[i] == Approx(expected[i]).epsilon(0).margin(4e-6));
      }
    }
  });
}

TEST_CASE("A query that sees nothing but itself gets its own value") {
  for_each_isa([] {
    const auto q = random_floats(8, 1);
    const auto keys = random_floats(3 * 8, 2);
    const auto values = random_floats(3 * 5, 3);
    const uint32_t rows[] = {2, 1};
    std::vector<float> out(5);
    const float log_sum = attend_rows(q.data(), {keys.data(), 8}, {values.data(), 5}, rows, 2, 8, 5,
                                      1.0f, {1, 3, true, true}, out.data());
    CHECK(log_sum == Approx(-1e5).margin(20));
    for (size_t i = 0; i < 5; ++i) CHECK(out[i] == values[5 + i]);
  });
}

TEST_CASE("A query that sees no row at all gets zero") {
  for_each_isa([] {
    const auto q = random_floats(8, 1);
    const uint32_t rows[] = {3, 4};
    std::vector<float> out(5, 9.0f);
    const float log_sum = attend_rows(q.data(), {q.data(), 8}, {q.data(), 5}, rows, 2, 8, 5, 1.0f,
                                      {0, 5, true, true}, out.data());
    CHECK(log_sum == -std::numeric_limits<float>::infinity());
    CHECK(out == std::vector<float>(5, 0.0f));
  });
}

TEST_CASE("A NaN among the chosen keys shows in the result") {
  for_each_isa([] {
    const auto q = random_floats(4, 1);
    std::vector<float> keys = random_floats(2 * 4, 2);
    keys[6] = std::numeric_limits<float>::quiet_NaN();
    const uint32_t rows[] = {0, 1};
    std::vector<float> out(3);
    attend_rows(q.data(), {keys.data(), 4}, {keys.data(), 4}, rows, 2, 4, 3, 1.0f,
                {1, 2, false, false}, out.data());
    for (const float value : out) CHECK(std::isnan(value));
  });
}
