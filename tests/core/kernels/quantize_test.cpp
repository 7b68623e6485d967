// Activations in bytes, plain and gated, and products of gated ones.
#include "core/kernels/quantize.h"

#include <catch2/catch.hpp>

#include "core/kernels/quantized_matmul.h"
#include "tests/core/kernels/quantized_support.h"

using namespace terse;
using namespace terse::kernels;

namespace {

constexpr size_t kShortSpan = span_of(1);  // groups

}  // namespace

TEST_CASE("a span of activations keeps 127 steps of its largest value") {
  for_each_isa([] {
    for (const size_t span : {1, 2, 4, 5}) {
      for (const size_t n : {1, 5, 32, 33, 96, 100, 128, 160, 300}) {
        INFO("span " << span << " n " << n);
        const auto x = random_floats(n, 3, 10.0f);
        const size_t groups = groups_of(n);
        std::vector<int8_t> values(groups * kGroup);
        std::vector<float> scales(groups);
        std::vector<int32_t> sums(groups);
        quantize(x.data(), n, span, {values.data(), scales.data(), sums.data()});
        for (size_t g = 0; g < groups; ++g) {
          const size_t begin = g / span * span * kGroup;
          const size_t end = std::min(begin + span * kGroup, groups * kGroup);
          const auto sizes = absolute({x.begin() + begin, x.begin() + std::min(end, n)});
          const float largest = *std::max_element(sizes.begin(), sizes.end());
          int sum = 0;
          for (size_t j = g * kGroup; j < end; ++j) {
            sum += values[j];
            if (j >= n) REQUIRE(values[j] == 0);
          }
          REQUIRE(sums[g] == sum);
          REQUIRE(scales[g] == largest / 127.0f);
          for (size_t j = g * kGroup; j < std::min(n, (g + 1) * kGroup); ++j) {
            REQUIRE(std::abs(scales[g] * values[j] - x[j]) <= 0.5001f * scales[g]);
          }
        }
      }
    }
  });
}

TEST_CASE("a span with a value that is not finite has the scale NaN, zeros have the scale 0") {
  for_each_isa([] {
    for (const float bad : {INFINITY, -INFINITY, NAN}) {
      std::vector<float> x(3 * kShortSpan * kGroup, 1.0f);
      x[kShortSpan * kGroup + 40] = bad;
      const Bytes bytes(x, 1, x.size());
      for (size_t g = 0; g < bytes.groups; ++g) {
        CHECK(std::isnan(bytes.scales[g]) == (g / kShortSpan == 1));
        if (g / kShortSpan == 1) CHECK(bytes.sums[g] == 0);
      }
    }
    const Bytes zeros(std::vector<float>(40, 0.0f), 1, 40);
    CHECK(zeros.scales == std::vector<float>(2, 0.0f));
    CHECK(zeros.values == std::vector<int8_t>(64, 0));
  });
}

namespace {

/// Activations in 9 bits.
struct Prepared {
  Prepared(const std::vector<float>& x, size_t positions, size_t k)
      : values(positions * groups_of(k) * kGroup),
        spans(spans_of(groups_of(k))),
        scales(positions * spans) {
    for (size_t i = 0; i < positions; ++i) {
      prepare_gating(&x[i * k], k, span_of(groups_of(k)), &values[i * groups_of(k) * kGroup],
                     &scales[i * spans]);
    }
  }
  GateInput input() const { return {values.data(), scales.data()}; }

  std::vector<int16_t> values;
  size_t spans;
  std::vector<float> scales;
};

}  // namespace

TEST_CASE("gated activations lose little more than half a step of a span's largest product") {
  for_each_isa([] {
    for (const size_t n : {1, 32, 100, 128, 300, 512, 1100, 2100}) {
      INFO("n " << n);
      const auto x = random_floats(n, 20);
      const Packed packed(random_floats(n, 21), TensorKind::gates, {1, n}, DType::int8);
      const auto gates = packed.rows(1, n);
      const Prepared prepared(x, 1, n);
      Bytes gated(std::vector<float>(n), 1, n);
      quantize_gated(prepared.input(), packed, n,
                     {gated.values.data(), gated.scales.data(), gated.sums.data()});
      const size_t span = span_of(groups_of(n)) * kGroup;
      for (size_t begin = 0; begin < n; begin += span) {
        const size_t end = std::min(begin + span, n);
        float largest_x = 0, largest_gate = 0, largest = 0;
        for (size_t j = begin; j < end; ++j) {
          largest_x = std::max(largest_x, std::abs(x[j]));
          largest_gate = std::max(largest_gate, std::abs(gates[j]));
          largest = std::max(largest, std::abs(x[j] * gates[j]));
        }
        const float error = 0.51f * largest / 127 + 0.51f * largest_x / 255 * largest_gate;
        for (size_t j = begin; j < end; ++j) {
          REQUIRE(std::abs(gated.at(0, n, j) - x[j] * gates[j]) <= 1.05f * error);
        }
        int sum = 0;
        for (size_t g = groups_of(end); g-- > begin / kGroup;) {
          for (size_t j = g * kGroup; j < (g + 1) * kGroup; ++j) sum += gated.values[j];
          REQUIRE(gated.sums[g] == sum);
        }
      }
    }
  });
}

TEST_CASE("a span of gated activations that is not finite has the scale NaN") {
  for_each_isa([] {
    const size_t n = 3 * kShortSpan * kGroup;
    for (const float bad : {INFINITY, -INFINITY, NAN}) {
      auto x = random_floats(n, 22);
      x[kShortSpan * kGroup + 3] = bad;
      const Packed gates(random_floats(n, 23), TensorKind::gates, {1, n}, DType::int8);
      Bytes gated(std::vector<float>(n), 1, n);
      quantize_gated(Prepared(x, 1, n).input(), gates, n,
                     {gated.values.data(), gated.scales.data(), gated.sums.data()});
      for (size_t g = 0; g < gated.groups; ++g) {
        CHECK(std::isnan(gated.scales[g]) == (g / kShortSpan == 1));
      }
    }
  });
}

TEST_CASE("gated_matmul is the product of the gated rows, however they are split") {
  for_each_isa_and_quantized_type([](DType dtype) {
    struct Case {
      size_t positions, modules, k, n;
    };
    for (const Case& c : {Case{1, 4, 32, 16}, Case{1, 7, 100, 20}, Case{2, 5, 700, 40},
                          Case{3, 16, 1024, 64}, Case{1, 33, 513, 9}, Case{2, 4, 2500, 50}}) {
      INFO(c.positions << " positions, " << c.modules << " modules, k " << c.k << ", n " << c.n);
      const size_t rows = c.positions * c.modules;
      const Prepared x(random_floats(c.positions * c.k, 30), c.positions, c.k);
      const Packed gates(random_floats(c.modules * c.k, 31), TensorKind::gates, {c.modules, c.k},
                         DType::int8);
      const Packed w(random_floats(c.n * c.k, 32), TensorKind::matrix, {c.n, c.k}, dtype);
      Bytes gated(std::vector<float>(rows * c.k), rows, c.k);
      for (size_t i = 0; i < rows; ++i) {
        const size_t g = i * gated.groups;
        quantize_gated(
            {&x.values[i / c.modules * gated.groups * kGroup], &x.scales[i / c.modules * x.spans]},
            WeightView(gates).row(i % c.modules, c.k), c.k,
            {&gated.values[g * kGroup], &gated.scales[g], &gated.sums[g]});
      }
      std::vector<float> expected(rows * c.n);
      quantized_matmul(gated.rows, 0, rows, w, c.n, nullptr, expected.data(), c.n);
      for (const size_t part : {rows, size_t{1}, size_t{3}}) {
        const Bytes block(std::vector<float>(rows * kBlockGroups * kGroup), rows,
                          kBlockGroups * kGroup);
        std::vector<float> y(rows * c.n);
        for (size_t i = 0; i < rows; i += part) {
          gated_matmul(
              {x.input(), gates, c.modules}, i, std::min(i + part, rows), w, c.n, c.k,
              {const_cast<int8_t*>(block.values.data()), const_cast<float*>(block.scales.data()),
               const_cast<int32_t*>(block.sums.data())},
              &y[i * c.n], c.n);
        }
        REQUIRE(y == expected);
      }
    }
  });
}
