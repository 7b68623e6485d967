// The sampler draws from the distribution it promises, repeatably, and survives its edge settings.
#include "core/decoding/sampler.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "core/decoding/random.h"
#include "core/error.h"

namespace terse::test {
namespace {

const std::vector<float> kScores{0.5f, -1.0f, 2.0f, 1.5f, 0.0f, -3.0f, 1.0f, -0.5f};

// What kScores and the options should give, computed the plain way.
std::vector<double> expected_distribution(const SamplingOptions& options) {
  std::vector<size_t> order(kScores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [](size_t a, size_t b) { return kScores[a] > kScores[b]; });
  std::vector<double> p(kScores.size());
  for (size_t i = 0; i < p.size(); ++i) p[i] = std::exp(kScores[i] / options.temperature);
  const auto normalize = [&p] {
    const double total = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& value : p) value /= total;
  };
  normalize();
  for (size_t rank = options.top_k; options.top_k > 0 && rank < p.size(); ++rank)
    p[order[rank]] = 0;
  normalize();
  double passed = 0;
  for (const size_t token : order) {
    const double mass = p[token];
    if (passed >= options.top_p && passed > 0) p[token] = 0;
    passed += mass;
  }
  normalize();
  for (double& value : p) {
    if (value < options.min_p * p[order[0]]) value = 0;
  }
  normalize();
  return p;
}

}  // namespace

TEST_CASE("Draws follow the distribution of temperature, top-k, top-p and min-p") {
  const SamplingOptions options =
      GENERATE(SamplingOptions{.temperature = 1}, SamplingOptions{.temperature = 0.5f},
               SamplingOptions{.temperature = 2.5f}, SamplingOptions{.temperature = 1, .top_k = 3},
               SamplingOptions{.temperature = 1.3f, .top_p = 0.8},
               SamplingOptions{.temperature = 0.7f, .min_p = 0.2},
               SamplingOptions{.temperature = 2, .top_k = 6, .top_p = 0.9, .min_p = 0.25});
  const std::vector<double> expected = expected_distribution(options);
  constexpr size_t kDraws = 20000;
  std::vector<double> counts(kScores.size());
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    SamplingOptions seeded = options;
    seeded.seed = seed;
    ++counts[size_t(Sampler(seeded, record_key("r"), kScores.size()).pick(kScores, seed % 7))];
  }
  double chi_square = 0;
  for (size_t token = 0; token < kScores.size(); ++token) {
    CAPTURE(token, options.temperature, options.top_k, options.top_p, options.min_p);
    if (expected[token] == 0) {
      CHECK(counts[token] == 0);
      continue;
    }
    const double mean = expected[token] * double(kDraws);
    chi_square += (counts[token] - mean) * (counts[token] - mean) / mean;
  }
  CHECK(chi_square < 30);  // 7 degrees of freedom at most: 1 in 10,000 would be above
}

TEST_CASE("Steps of one record follow the distribution, too") {
  const SamplingOptions options{.temperature = 1, .seed = 3};
  const std::vector<double> expected = expected_distribution(options);
  Sampler sampler(options, record_key("one"), kScores.size());
  std::vector<double> counts(kScores.size());
  constexpr size_t kDraws = 20000;
  for (size_t step = 0; step < kDraws; ++step) ++counts[size_t(sampler.pick(kScores, step))];
  double chi_square = 0;
  for (size_t token = 0; token < kScores.size(); ++token) {
    const double mean = expected[token] * double(kDraws);
    chi_square += (counts[token] - mean) * (counts[token] - mean) / mean;
  }
  CHECK(chi_square < 30);
}

TEST_CASE("A draw depends on seed, record and step, not on what was drawn before") {
  const SamplingOptions options{.temperature = 1, .top_p = 0.95, .seed = 11};
  Sampler forwards(options, record_key("x"), kScores.size());
  Sampler backwards(options, record_key("x"), kScores.size());
  Sampler other_record(options, record_key("y"), kScores.size());
  std::vector<int32_t> first(100), second(100), third(100);
  for (size_t i = 0; i < 100; ++i) first[i] = forwards.pick(kScores, i);
  for (size_t i = 100; i-- > 0;) second[i] = backwards.pick(kScores, i);
  for (size_t i = 0; i < 100; ++i) third[i] = other_record.pick(kScores, i);
  CHECK(first == second);
  CHECK(first != third);
}

TEST_CASE("The edges of each setting leave the best token") {
  const SamplingOptions options = GENERATE(
      SamplingOptions{}, SamplingOptions{.temperature = std::numeric_limits<float>::denorm_min()},
      SamplingOptions{.temperature = 1, .top_k = 1}, SamplingOptions{.temperature = 1, .top_p = 0},
      SamplingOptions{.temperature = 1, .min_p = 1},
      SamplingOptions{.temperature = 1e30f, .top_k = 1},
      SamplingOptions{.temperature = 1e30f, .top_p = 0, .min_p = 1});
  for (size_t step = 0; step < 200; ++step) {
    REQUIRE(Sampler(options, 0, kScores.size()).pick(kScores, step) == 2);
  }
}

TEST_CASE("Forbidden tokens are never drawn") {
  std::vector<float> scores(50, -std::numeric_limits<float>::infinity());
  scores[31] = -1000.0f;
  const float temperature = GENERATE(0.0f, 1.0f, 1e30f);
  Sampler sampler({.temperature = temperature}, 0, scores.size());
  for (size_t step = 0; step < 100; ++step) REQUIRE(sampler.pick(scores, step) == 31);
}

TEST_CASE("Sampling options out of range are refused by name") {
  const double bad = GENERATE(std::numeric_limits<double>::quiet_NaN(),
                              std::numeric_limits<double>::infinity(), -0.5);
  const auto refused = [](const SamplingOptions& options, const std::string& name) {
    CHECK_THROWS_AS(validate(options), UsageError);
    CHECK_THROWS_WITH(validate(options), Catch::Contains(name));
  };
  refused({.temperature = float(bad)}, "temperature");
  refused({.top_p = bad}, "top-p");
  refused({.min_p = bad}, "min-p");
  refused({.top_p = 1.5}, "top-p");
  refused({.min_p = 1.5}, "min-p");
  CHECK_NOTHROW(validate(SamplingOptions{.temperature = 1, .top_p = 0, .min_p = 1}));
}

}  // namespace terse::test
