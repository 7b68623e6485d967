// The cache of keys and values: what it gives back after it grew and after it forgot.
#include "core/layers/kv_cache.h"

#include <catch2/catch.hpp>
#include <vector>

#include "core/kernels/reference.h"

using namespace terse;

namespace {

// Position i has the keys i, i + 0.5 and the value -i in both heads.
void append(KvCache& cache, size_t first, size_t n) {
  std::vector<float> keys, values;
  for (size_t i = first; i < first + n; ++i) {
    for (int head = 0; head < 2; ++head) {
      keys.push_back(float(i));
      keys.push_back(float(i) + 0.5f);
      values.push_back(-float(i));
    }
  }
  Threads threads;
  cache.append({keys.data(), n, 4}, {values.data(), n, 2}, threads);
}

void check(const KvCache& cache, size_t first, size_t n, double tolerance) {
  using kernels::reference::value_at;
  REQUIRE(cache.length() == n);
  for (size_t head = 0; head < 2; ++head) {
    for (size_t i = 0; i < n; ++i) {
      const float position = float(first + i);
      CHECK(value_at(cache.keys(head), i, 0, 2) == Approx(position).margin(tolerance));
      CHECK(value_at(cache.keys(head), i, 1, 2) == Approx(position + 0.5f).margin(tolerance));
      CHECK(value_at(cache.values(head), i, 0, 1) == Approx(-position).margin(tolerance));
    }
  }
}

}  // namespace

TEST_CASE("A cache that grows and forgets keeps the rest in order, in every type") {
  for (const CacheType type : {CacheType::f32, CacheType::bf16, CacheType::int8}) {
    // Half a step of int8 at the largest key.
    const double tolerance = type == CacheType::int8 ? 110.5 / 127 / 2 : 0;
    KvCache cache(2, 2, 1, 4, type);
    append(cache, 0, 60);
    append(cache, 60, 40);  // beyond its first capacity
    check(cache, 0, 100, tolerance);
    cache.drop_front(30);
    check(cache, 30, 70, tolerance);
    const KvCache copy(cache);
    append(cache, 100, 10);
    check(cache, 30, 80, tolerance);
    check(copy, 30, 70, tolerance);
    cache.drop_front(80);
    append(cache, 7, 1);
    check(cache, 7, 1, tolerance);
  }
}
