// Vectors so long that the threads share a single one: the same bits as one thread gives.
#include <catch2/catch.hpp>
#include <memory>
#include <vector>

#include "core/kernels/reference.h"
#include "core/layers/columns.h"
#include "core/layers/dense.h"
#include "core/layers/factored_dense.h"
#include "core/layers/kv_cache.h"
#include "core/layers/layer_norm.h"
#include "core/layers/locally_conv_dense.h"
#include "io/random_weights.h"
#include "tests/support/random_values.h"

using namespace terse;

namespace {

constexpr size_t kWide = 9216 + 50;  // not whole spans
constexpr size_t kMostThreads = 3;

/// A layer's output for one row, from so many threads.
std::vector<float> output(const Layer& layer, size_t d_in, size_t d_out, size_t threads) {
  Workspace work(threads);
  const auto x = random_values(d_in);
  std::vector<float> y(d_out);
  layer.forward({x.data(), 1, d_in}, nullptr, work, {y.data(), 1, d_out});
  return y;
}

void check_threads(const Layer& layer, size_t d_out, size_t d_in = kWide) {
  const auto alone = output(layer, d_in, d_out, 1);
  for (size_t threads = 2; threads <= kMostThreads; ++threads) {
    CHECK(output(layer, d_in, d_out, threads) == alone);
  }
}

}  // namespace

TEST_CASE("Layers of a wide row have the same bits on any number of threads") {
  for (const DType type : {DType::f32, DType::int8, DType::int4}) {
    Threads threads;
    const RandomWeights source(type, 1, size_t{1} << 26, 16, threads);
    const Weights weights(source, "");
    check_threads(LayerNorm(weights / "norm", kWide), kWide);
    check_threads(LayerNorm(weights / "rms", kWide, false), kWide);
    check_threads(Dense(weights / "dense", kWide, 40), 40);
    check_threads(FactoredDense(weights / "few", 3, kWide, 3 * 400), 3 * 400);
    check_threads(FactoredDense(weights / "many", 16, kWide, 16 * 48), 16 * 48);
    // Nine panels, which two threads cannot share evenly: of bytes they share the modules.
    check_threads(LocallyConvDense(weights / "conv", {64, 9216, 9216, 3, 3}), 9216, 9216);
  }
}

TEST_CASE("A sum of wide rows has each value once") {
  const auto x = random_values(2 * kWide);
  for (size_t count = 1; count <= kMostThreads; ++count) {
    Threads threads(count);
    std::vector<float> y(x.size(), 1.0f);
    add_to({x.data(), 2, kWide}, threads, {y.data(), 2, kWide});
    bool right = true;
    for (size_t i = 0; i < y.size(); ++i) right = right && y[i] == 1.0f + x[i];
    CHECK(right);
  }
}

TEST_CASE("A cache of many heads takes a position from any number of threads") {
  using kernels::reference::value_at;
  constexpr size_t kHeads = 96, kSize = 96;
  const auto x = random_values(2 * kHeads * kSize);
  for (size_t count = 1; count <= kMostThreads; ++count) {
    Threads threads(count);
    KvCache cache(kHeads, kSize, kSize, 1);
    const ConstMatrix rows(x.data(), 2, kHeads * kSize);
    cache.append(rows, rows, threads);
    bool right = true;
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t head = i % rows.cols / kSize;
      const float key = value_at(cache.keys(head), i / rows.cols, i % kSize, kSize);
      const float value = value_at(cache.values(head), i / rows.cols, i % kSize, kSize);
      right = right && key == x[i] && value == x[i];
    }
    CHECK(right);
  }
}
