// The ways to narrow candidates down, against plain references on full sorts.
#include "core/decoding/candidates.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <set>

#include "core/decoding/random.h"

namespace terse::test {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

// Few distinct values, so that ties are common.
std::vector<Candidate> random_candidates(size_t n, uint64_t seed, bool with_ties) {
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < n; ++i) {
    const double x = uniform(seed, 3, i);
    const float weight = float(with_ties ? 1 + std::floor(5 * x) : 0.001 + x);
    candidates.push_back({int32_t(i), std::log(weight), weight});
  }
  return candidates;
}

std::vector<Candidate> sorted(std::vector<Candidate> candidates) {
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.weight > b.weight; });
  return candidates;
}

std::set<int32_t> tokens(const std::vector<Candidate>& candidates) {
  std::set<int32_t> result;
  for (const Candidate& candidate : candidates) result.insert(candidate.token);
  return result;
}

double total(const std::vector<Candidate>& candidates) {
  double sum = 0;
  for (const Candidate& candidate : candidates) sum += candidate.weight;
  return sum;
}

}  // namespace

TEST_CASE("Gathering leaves forbidden tokens out") {
  std::vector<Candidate> candidates{{7, 1.0f}};
  gather(std::vector<float>{1.0f, kForbidden, -3.0f}, candidates);
  REQUIRE(candidates.size() == 2);
  CHECK(candidates[0].token == 0);
  CHECK(candidates[1].token == 2);
  CHECK(candidates[1].score == -3.0f);
  gather(std::vector<float>{1.0f, 0.0f, 2.0f}, std::vector<float>{0.5f, 0.0f, 1.0f}, candidates);
  REQUIRE(candidates.size() == 2);
  CHECK(candidates[1].token == 2);
  CHECK(candidates[1].score == 2.0f);
  CHECK(candidates[1].weight == 1.0f);
}

TEST_CASE("Top-k keeps the first k of a stable sort, in order") {
  const bool with_ties = GENERATE(false, true);
  for (size_t k = 1; k <= 50; ++k) {
    const auto all = random_candidates(40, k, with_ties);
    auto kept = all;
    keep_top_k(kept, k);
    auto expected = k < 40 ? sorted(all) : all;
    expected.resize(std::min<size_t>(k, 40));
    REQUIRE(kept.size() == expected.size());
    for (size_t i = 0; i < kept.size(); ++i) CHECK(kept[i].token == expected[i].token);
  }
}

TEST_CASE("Top-k of 0 keeps all") {
  auto candidates = random_candidates(10, 1, false);
  keep_top_k(candidates, 0);
  CHECK(candidates.size() == 10);
}

TEST_CASE("Top-p keeps the fewest that hold the share, the likeliest first") {
  const bool with_ties = GENERATE(false, true);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const double p = uniform(seed, 4, 4);
    const auto all = random_candidates(1 + seed, seed, with_ties);
    auto kept = all;
    keep_top_p(kept, p);
    auto expected = sorted(all);
    size_t n = 0;
    for (double sum = 0; n < expected.size() && (n == 0 || sum < p * total(all)); ++n) {
      sum += expected[n].weight;
    }
    expected.resize(n);
    CAPTURE(seed, p);
    CHECK(kept.size() == expected.size());
    CHECK(tokens(kept) == tokens(expected));
  }
}

TEST_CASE("Top-p of 0 keeps the best alone, the lower token on ties; of 1 all") {
  std::vector<Candidate> candidates{{0, 1.0f, 1.0f}, {1, 4.0f, 4.0f}, {2, 4.0f, 4.0f}};
  keep_top_p(candidates, 1.0);
  CHECK(candidates.size() == 3);
  keep_top_p(candidates, 0.0);
  REQUIRE(candidates.size() == 1);
  CHECK(candidates[0].token == 1);
}

TEST_CASE("Top-p looks at what top-k left") {
  std::vector<Candidate> candidates{
      {0, 4.0f, 4.0f}, {1, 3.0f, 3.0f}, {2, 2.0f, 2.0f}, {3, 1.0f, 1.0f}};
  keep_top_k(candidates, 2);
  keep_top_p(candidates, 0.5);  // 4 of 7 is enough; it would not be of 10
  CHECK(tokens(candidates) == std::set<int32_t>{0});
}

TEST_CASE("Min-p keeps those with their share of the largest weight") {
  const double p = GENERATE(0.0, 0.1, 0.5, 1.0);
  const auto all = random_candidates(60, 5, false);
  auto kept = all;
  keep_min_p(kept, p);
  std::set<int32_t> expected;
  for (const Candidate& candidate : all) {
    if (candidate.weight >= p * sorted(all)[0].weight) expected.insert(candidate.token);
  }
  CHECK(tokens(kept) == expected);
  CHECK(!kept.empty());
}

}  // namespace terse::test
