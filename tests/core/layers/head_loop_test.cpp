// One position, whose heads the threads share from the projections to the attention: the same bits
// as loop by loop.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <vector>

#include "core/layers/attention.h"
#include "core/layers/multiplicative_conv_qkv.h"
#include "io/random_weights.h"
#include "tests/support/random_values.h"

using namespace terse;

namespace {

constexpr size_t kModules = 16;
constexpr size_t kModel = 1024;
constexpr size_t kPositions = 20;  // the convolutions' memory moves within them
constexpr size_t kMostThreads = 3;

MultiplicativeConvQkv::Config config_of(bool share_qk) {
  return {kModel, kModules, 3, share_qk, MultiplicativeConvQkv::ValueInput::shared};
}

struct Projected {
  Workspace work;
  std::vector<float> q = std::vector<float>(kModel);
  std::vector<float> k = q, v = q;

  explicit Projected(size_t threads) : work(threads) {}
  static Matrix row(std::vector<float>& x) { return {x.data(), 1, kModel}; }

  bool same_heads(const Projected& other, size_t begin, size_t end, size_t heads) const {
    const size_t first = begin * kModel / heads, last = end * kModel / heads;
    const auto same = [&](const std::vector<float>& a, const std::vector<float>& b) {
      return std::equal(a.begin() + first, a.begin() + last, b.begin() + first);
    };
    return same(q, other.q) && same(k, other.k) && same(v, other.v);
  }
};

void check_projection(const MultiplicativeConvQkv& qkv, size_t heads, size_t threads) {
  const std::vector<float> x = random_values(kPositions * kModel);
  Projected expected(1), made(threads);
  const auto expected_state = qkv.new_state({});
  const auto state = qkv.new_state({});
  for (size_t i = 0; i < kPositions; ++i) {
    const ConstMatrix row(&x[i * kModel], 1, kModel);
    qkv.forward(row, expected_state.get(), expected.work, Projected::row(expected.q),
                Projected::row(expected.k), Projected::row(expected.v));
    std::atomic<size_t> seen = 0;
    std::atomic<bool> right = true;
    const auto see = [&](size_t begin, size_t end) {
      seen += end - begin;
      if (!made.same_heads(expected, begin, end, heads)) right = false;
    };
    qkv.forward_then(row, state.get(), made.work, Projected::row(made.q), Projected::row(made.k),
                     Projected::row(made.v), {heads, 1, std::ref(see)});
    CHECK(seen == heads);
    CHECK(right);
  }
}

}  // namespace

TEST_CASE("A loop over heads sees the queries, keys and values of each once") {
  for (const DType type : {DType::f32, DType::int8, DType::int4}) {
    Threads alone;
    const RandomWeights source(type, 1, size_t{1} << 24, 16, alone);
    for (const bool share_qk : {false, true}) {
      const MultiplicativeConvQkv qkv(Weights(source, ""), config_of(share_qk));
      for (size_t threads = 1; threads <= kMostThreads; ++threads) {
        check_projection(qkv, kModules, threads);
        check_projection(qkv, kModules / 2, threads);  // heads of two modules
      }
    }
  }
}

TEST_CASE("Attention to one position has the bits of several texts' on any number of threads") {
  const std::vector<float> x = random_values(kPositions * kModel);
  Threads one_thread;
  const RandomWeights source(DType::int8, 1, size_t{1} << 24, 16, one_thread);
  const HeadShape heads{kModules, kModel / kModules, kModel / kModules};
  const Attention attention(
      std::make_unique<MultiplicativeConvQkv>(Weights(source, ""), config_of(false)), nullptr,
      heads, Mask::causal);
  for (const CacheType cache_type : {CacheType::f32, CacheType::int8}) {
    for (size_t threads = 1; threads <= kMostThreads; ++threads) {
      Workspace work(threads), work_of_both;
      const StateOptions options{1, cache_type};
      const auto alone = attention.new_state(options);
      const auto first = attention.new_state(options), second = attention.new_state(options);
      LayerState* const both[] = {first.get(), second.get()};
      for (size_t i = 0; i < kPositions; ++i) {
        const auto row = x.begin() + i * kModel;
        std::vector<float> twice(row, row + kModel);
        twice.insert(twice.end(), row, row + kModel);
        std::vector<float> y(kModel), expected(2 * kModel);
        attention.forward({&*row, 1, kModel}, alone.get(), work, {y.data(), 1, kModel});
        attention.forward({twice.data(), 2, kModel}, LayerStates(both), work_of_both,
                          {expected.data(), 2, kModel});
        CHECK(std::equal(y.begin(), y.end(), expected.begin()));
      }
    }
  }
}
