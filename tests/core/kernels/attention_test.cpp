// Attention of one query against the reference, across the borders of its blocks of keys.
#include "core/kernels/attention.h"

#include <catch2/catch.hpp>

#include "tests/core/kernels/cache_rows_support.h"

using namespace terse;
using namespace terse::kernels;

namespace {

struct Case {
  size_t length, d_qk, d_v;
};

const std::vector<Case> kCases = {{1, 1, 1},    {1, 64, 64},   {2, 3, 5},     {7, 16, 17},
                                  {8, 64, 64},  {9, 17, 16},   {63, 15, 3},   {127, 64, 64},
                                  {128, 8, 64}, {129, 64, 96}, {300, 33, 65}, {2048, 64, 64}};

}  // namespace

TEST_CASE("attend is within a millionth of the reference, over 8-bit caches within 16 bits") {
  for_each_isa_and_cache_type([](CacheType type) {
    for (const Case& c : kCases) {
      INFO("length " << c.length << " d_qk " << c.d_qk << " d_v " << c.d_v);
      const auto q = random_floats(c.d_qk, 1);
      const TestRows keys(random_floats(c.length * c.d_qk, 2), c.d_qk, type);
      const TestRows values(random_floats(c.length * c.d_v, 3), c.d_v, type);
      std::vector<float> sizes(c.length * c.d_v);
      for (size_t i = 0; i < sizes.size(); ++i) {
        sizes[i] = std::abs(reference::value_at(values, i / c.d_v, i % c.d_v, c.d_v));
      }
      const float scale = 1.0f / std::sqrt(static_cast<float>(c.d_qk));
      // A score of d terms in [-1, 1], each half a step of 16 bits off, and a weight.
      const double short_steps = (std::sqrt(double(c.d_qk)) + 2.0) / 65534.0;
      const double tolerance = type == CacheType::int8 ? short_steps : 1e-6;
      std::vector<float> out(c.d_v), expected(c.d_v), size(c.d_v);
      attend(q.data(), keys, values, c.length, c.d_qk, c.d_v, scale, out.data());
      reference::attend(q.data(), keys, values, c.length, c.d_qk, c.d_v, scale, expected.data());
      reference::attend(q.data(), keys, sizes.data(), c.length, c.d_qk, c.d_v, scale, size.data());
      for (size_t i = 0; i < c.d_v; ++i) {
        REQUIRE(std::abs(out[i] - expected[i]) <= tolerance * size[i]);
      }
    }
  });
}

TEST_CASE("attend holds when the largest score grows from block to block, far beyond exp") {
  for_each_isa([] {
    const size_t length = 500;
    const std::vector<float> q = {1.0f};
    std::vector<float> keys(length), values(length);
    for (size_t j = 0; j < length; ++j) {
      keys[j] = 10.0f * static_cast<float>(j);
      values[j] = static_cast<float>(j);
    }
    float out = 0.0f;
    attend(q.data(), keys.data(), values.data(), length, 1, 1, 1.0f, &out);
    // Each weight is e^-10 of the next: only the last two values count.
    CHECK(out == Approx(499.0 - std::exp(-10.0)).epsilon(1e-6));
    attend(q.data(), keys.data(), values.data(), length, 1, 1, -1.0f, &out);
    CHECK(out == Approx(std::exp(-10.0)).epsilon(1e-4));
  });
}

TEST_CASE("attend over equal keys is the mean of the values") {
  for_each_isa([] {
    const size_t length = 256;
    const std::vector<float> q(4, 0.5f), keys(length * 4, 0.25f);
    std::vector<float> values(length);
    for (size_t j = 0; j < length; ++j) values[j] = static_cast<float>(j);
    float out = 0.0f;
    attend(q.data(), keys.data(), values.data(), length, 4, 1, 1.0f, &out);
    CHECK(out == 127.5f);
  });
}

TEST_CASE("attend gives the same bits wherever the arrays stand") {
  for_each_isa([] {
    const Case c{333, 48, 40};
    const auto q = random_floats(c.d_qk, 4);
    const auto keys = random_floats(c.length * c.d_qk + 1, 5);
    const auto values = random_floats(c.length * c.d_v + 1, 6);
    const std::vector<float> keys_moved(keys.begin() + 1, keys.end());
    const std::vector<float> values_moved(values.begin() + 1, values.end());
    std::vector<float> out(c.d_v), again(c.d_v, 9.0f);
    attend(q.data(), keys.data() + 1, values.data() + 1, c.length, c.d_qk, c.d_v, 0.1f, out.data());
    attend(q.data(), keys_moved.data(), values_moved.data(), c.length, c.d_qk, c.d_v, 0.1f,
           again.data());
    CHECK(out == again);
  });
}

TEST_CASE("a NaN among the keys shows in the result") {
  for_each_isa([] {
    const auto q = random_floats(8, 7);
    auto keys = random_floats(200 * 8, 8);
    const auto values = random_floats(200 * 3, 9);
    keys[150 * 8 + 2] = std::numeric_limits<float>::quiet_NaN();
    std::vector<float> out(3);
    attend(q.data(), keys.data(), values.data(), 200, 8, 3, 1.0f, out.data());
    for (const float value : out) CHECK(std::isnan(value));
  });
}

TEST_CASE("attend_many gives the bits of attend, query by query") {
  for_each_isa_and_cache_type([](CacheType type) {
    const size_t m = kMostQueries, d_qk = 16, d_v = 24, q_stride = 20, out_stride = 30;
    const size_t longest = 300;
    const auto q = random_floats(m * q_stride, 1);
    const TestRows keys(random_floats(longest * d_qk, 2), d_qk, type);
    const TestRows values(random_floats(longest * d_v, 3), d_v, type);
    for (const size_t first_length : {1, 100, 128, 269}) {
      for (const size_t growth : {0, 1}) {
        std::vector<float> out(m * out_stride), expected(d_v);
        attend_many(q.data(), q_stride, m, keys, values, first_length, growth, d_qk, d_v, 0.25f,
                    out.data(), out_stride);
        for (size_t i = 0; i < m; ++i) {
          INFO("query " << i << " first length " << first_length << " growth " << growth);
          attend(q.data() + i * q_stride, keys, values, first_length + i * growth, d_qk, d_v, 0.25f,
                 expected.data());
          REQUIRE(std::equal(expected.begin(), expected.end(), out.data() + i * out_stride));
        }
      }
    }
  });
}
