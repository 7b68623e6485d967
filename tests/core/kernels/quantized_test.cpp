// Quantised weights: the packings, and every kernel that reads them against the reference on what
// they unpack to.
#include <catch2/catch.hpp>

#include "core/kernels/quantized_matmul.h"
#include "core/kernels/sparse_ff.h"
#include "core/kernels/vector.h"
#include "tests/core/kernels/quantized_support.h"

using namespace terse;
using namespace terse::kernels;

namespace {

double step_of(DType dtype) {
  return dtype == DType::int8 ? 1.0 / 254 : 1.0 / 14;
}

}  // namespace

TEST_CASE("packing loses half a step of the largest value at most") {
  for (const DType dtype : {DType::int8, DType::int4}) {
    for (const size_t k : {1, 31, 32, 33, 100, 256}) {
      const size_t n = 19;
      const auto x = random_floats(n * k, 1);
      const auto sizes = absolute(x);
      const float largest = *std::max_element(sizes.begin(), sizes.end());
      const Packed rows(x, TensorKind::table, {n, k}, dtype);
      const Packed panels(x, TensorKind::matrix, {n, k}, dtype);
      const auto from_rows = rows.rows(n, k);
      CHECK(from_rows == panels.matrix(0, n, k));
      for (size_t i = 0; i < x.size(); ++i) {
        REQUIRE(std::abs(from_rows[i] - x[i]) <= 1.1 * step_of(dtype) * largest);
      }
    }
  }
}

TEST_CASE("each run of a kernel is padded to whole groups") {
  const size_t n = 5, runs = 3, run = 18;
  const auto x = random_floats(n * runs * run, 17);
  for (const DType dtype : {DType::int8, DType::int4}) {
    const Packed kernel(x, TensorKind::kernel, {n, runs, run}, dtype);
    CHECK(byte_shape(dtype, TensorKind::kernel, {n, runs, run}) ==
          Shape{1, panel_bytes(dtype, runs * kGroup)});
    const auto padded = kernel.matrix(0, n, runs * kGroup);
    std::vector<float> unpacked(x.size());
    unpack(kernel.bytes.data(), TensorKind::kernel, {n, runs, run}, dtype, unpacked.data());
    for (size_t i = 0; i < n * runs * kGroup; ++i) {
      const size_t term = i % kGroup;
      const size_t element = i / kGroup * run + term;
      REQUIRE(padded[i] == (term < run ? unpacked[element] : 0.0f));
      if (term < run) REQUIRE(std::abs(padded[i] - x[element]) <= 5 * step_of(dtype));
    }
  }
}

TEST_CASE("columns are packed as the matrices that their blocks are, transposed") {
  const size_t blocks = 3, rank = 40, n = 17;
  const auto x = random_floats(blocks * rank * n, 2);
  for (const DType dtype : {DType::int8, DType::int4}) {
    const Packed columns(x, TensorKind::columns, {blocks, rank, n}, dtype);
    for (size_t b = 0; b < blocks; ++b) {
      const auto matrix = columns.matrix(b, n, rank);
      for (size_t e = 0; e < n; ++e) {
        for (size_t r = 0; r < rank; ++r) {
          const float value = x[(b * rank + r) * n + e];
          REQUIRE(std::abs(matrix[e * rank + r] - value) <= 5 * step_of(dtype));
        }
      }
    }
  }
}

TEST_CASE("quantized_matmul is the product of what its operands stand for") {
  struct Case {
    size_t m, n, k;
  };
  for_each_isa_and_quantized_type([](DType dtype) {
    for (const Case& c : {Case{1, 1, 1}, Case{1, 16, 32}, Case{1, 64, 100}, Case{2, 17, 33},
                          Case{3, 70, 64}, Case{5, 5, 96}, Case{9, 48, 256}, Case{1, 130, 1024},
                          Case{6, 40, 1100}, Case{11, 70, 2500}}) {
      INFO("m " << c.m << " n " << c.n << " k " << c.k);
      const auto x = random_floats(c.m * c.k, 4);
      const Packed w(random_floats(c.n * c.k, 5), TensorKind::matrix, {c.n, c.k}, dtype);
      const auto bias = random_floats(c.n, 6);
      const Bytes bytes(x, c.m, c.k);
      std::vector<float> y(c.m * (c.n + 2), 77.0f);
      quantized_matmul(bytes.rows, 0, c.m, w, c.n, bias.data(), y.data(), c.n + 2);
      const auto values = w.matrix(0, c.n, c.k);
      for (size_t i = 0; i < c.m; ++i) {
        for (size_t j = 0; j < c.n; ++j) {
          double sum = bias[j], size = std::abs(bias[j]);
          for (size_t p = 0; p < c.k; ++p) {
            const double term = double{bytes.at(i, c.k, p)} * values[j * c.k + p];
            sum += term;
            size += std::abs(term);
          }
          REQUIRE(std::abs(y[i * (c.n + 2) + j] - sum) <=
                  8.0 * (bytes.groups + 2) * kRounding * size);
        }
        REQUIRE(y[i * (c.n + 2) + c.n] == 77.0f);
      }
    }
  });
}

TEST_CASE("quantized_matmul gives the same bits however rows and panels are split") {
  for_each_isa_and_quantized_type([](DType dtype) {
    const size_t m = 11, n = 100;
    // Spans of each length; the longer sums take several blocks.
    for (const size_t k : {96, 1100, 2500}) {
      INFO("k " << k);
      const Packed w(random_floats(n * k, 7), TensorKind::matrix, {n, k}, dtype);
      const Bytes x(random_floats(m * k, 8), m, k);
      std::vector<float> whole(m * n);
      quantized_matmul(x.rows, 0, m, w, n, nullptr, whole.data(), n);
      for (const size_t rows : {1, 2, 3, 4, 7}) {
        for (const size_t panels : {1, 2, 3, 5}) {
          std::vector<float> parts(m * n);
          for (size_t i = 0; i < m; i += rows) {
            for (size_t j = 0; j < n; j += panels * kPanel) {
              quantized_matmul(x.rows, i, std::min(i + rows, m), WeightView(w).outputs(j, k),
                               std::min(panels * kPanel, n - j), nullptr, parts.data() + j, n);
            }
          }
          REQUIRE(parts == whole);
        }
      }
    }
  });
}

TEST_CASE("quantized_matmul reads a convolution's patches in place, together and one by one") {
  // Three positions of four modules with a margin of one on both sides; patches of 2 x 3 modules.
  const size_t modules = 4, taps = 2, width = 3, n = 20, positions = 2;
  const size_t row = modules + width - 1;
  // A module has one scale. Five groups do not fit the blocks that sums are cut into.
  for (const size_t span : {1, 2, 5}) {
    INFO("span " << span);
    const size_t module = span * kGroup;
    const size_t groups = row * span;
    const auto padded = random_floats((positions + taps - 1) * row * module, 9);
    const Bytes bytes(padded, positions + taps - 1, row * module, span);
    QuantizedRows patches = bytes.rows;
    patches.m = positions * modules;
    patches.groups = width * span;
    patches.taps = taps;
    patches.tap_stride = groups;
    patches.rows = modules;
    patches.row_stride = span;
    patches.position_stride = groups;
    std::vector<float> copied;
    for (size_t t = 0; t < positions; ++t) {
      for (size_t j = 0; j < modules; ++j) {
        for (size_t l = 0; l < taps; ++l) {
          const auto from = padded.begin() + ((t + l) * row + j) * module;
          copied.insert(copied.end(), from, from + width * module);
        }
      }
    }
    const size_t k = taps * width * module;
    const Bytes plain(copied, positions * modules, k, span);
    for_each_isa_and_quantized_type([&](DType dtype) {
      const Packed w(random_floats(n * k, 10), TensorKind::matrix, {n, k}, dtype);
      std::vector<float> in_place(positions * modules * n), one_by_one(in_place.size()),
          expected(in_place.size());
      quantized_matmul(patches, 0, patches.m, w, n, nullptr, in_place.data(), n);
      for (size_t i = 0; i < patches.m; ++i) {
        quantized_matmul(patches, i, i + 1, w, n, nullptr, one_by_one.data(), n);
      }
      quantized_matmul(plain.rows, 0, patches.m, w, n, nullptr, expected.data(), n);
      CHECK(in_place == expected);
      CHECK(one_by_one == expected);
    });
  }
}

TEST_CASE("choose_units of quantised weights takes the largest logit, the first on ties") {
  for_each_isa_and_quantized_type([](DType dtype) {
    for (const size_t n : {1, 3, 16, 17, 64, 130}) {
      for (const size_t rank : {1, 33, 96}) {
        const size_t blocks = 5;
        const auto low = random_floats(rank, 11);
        const Packed up(random_floats(blocks * rank * n, 12), TensorKind::columns,
                        {blocks, rank, n}, dtype);
        auto bias = random_floats(blocks * n, 13);
        const Bytes bytes(low, 1, rank);
        std::vector<uint32_t> choice(blocks);
        choose_units(bytes.rows, up, bias.data(), blocks, n, choice.data());
        for (size_t b = 0; b < blocks; ++b) {
          std::vector<float> logits(n);
          quantized_matmul(bytes.rows, 0, 1, WeightView(up).matrix(b, n, rank), n,
                           bias.data() + b * n, logits.data(), n);
          REQUIRE(choice[b] == reference::argmax(logits.data(), n));
        }
        // All logits of a block alike.
        const Packed zeros(std::vector<float>(blocks * rank * n), TensorKind::columns,
                           {blocks, rank, n}, dtype);
        std::fill(bias.begin(), bias.end(), 1.0f);
        choose_units(bytes.rows, zeros, bias.data(), blocks, n, choice.data());
        REQUIRE(choice == std::vector<uint32_t>(blocks, 0));
      }
    }
  });
}

TEST_CASE("quantized_matmul asks for nothing outside of what is to be read later") {
  // The end of the ranges is the end of what may be read: a sanitizer or the processor would tell.
  const size_t m = 6, n = 33, k = 600;
  const Packed w(random_floats(n * k, 22), TensorKind::matrix, {n, k}, DType::int8);
  const Bytes x(random_floats(m * k, 23), m, k);
  const std::vector<std::byte> later(1000);
  std::vector<float> plain(m * n), with_later(m * n);
  quantized_matmul(x.rows, 0, m, w, n, nullptr, plain.data(), n);
  quantized_matmul(x.rows, 0, m, w, n, nullptr, with_later.data(), n,
                   ReadAhead(later.data(), 100, 3, 450));
  CHECK(with_later == plain);
}

TEST_CASE("chosen_hidden of quantised activations is the product of what its operands stand for") {
  for_each_isa([] {
    for (const size_t d : {1, 15, 32, 47, 64, 96, 100, 256, 1000}) {
      INFO("d " << d);
      const size_t blocks = 11, n = 3;
      const Packed units(random_floats(blocks * n * 2 * d, 24), TensorKind::units,
                         {blocks, n, 2, d}, DType::int8);
      const auto values = units.rows(blocks * n * 2, d);
      const Bytes x(random_floats(d, 25), 1, d);
      std::vector<uint32_t> choice(blocks);
      for (size_t b = 0; b < blocks; ++b) choice[b] = uint32_t((b + 1) % n);
      std::vector<float> hidden(blocks, 77.0f);
      chosen_hidden(x.rows, units, choice.data(), blocks, blocks, n, d, hidden.data());
      for (size_t b = 0; b < blocks; ++b) {
        const float* row = values.data() + (b * n + choice[b]) * 2 * d;
        double sum = 0, size = 0;
        for (size_t j = 0; j < d; ++j) {
          const double term = double{x.at(0, d, j)} * row[j];
          sum += term;
          size += std::abs(term);
        }
        REQUIRE(std::abs(hidden[b] - std::max(sum, 0.0)) <= 8.0 * (d / 4 + 2) * kRounding * size);
      }
    }
  });
}

TEST_CASE("rows of quantised weights are read as the floats that they stand for") {
  for_each_isa_and_quantized_type([](DType dtype) {
    for (const size_t d : {1, 15, 32, 47, 100, 256}) {
      INFO("d " << d);
      const size_t blocks = 11, n = 3;
      const Packed units(random_floats(blocks * n * 2 * d, 14), TensorKind::units,
                         {blocks, n, 2, d}, dtype);
      const auto values = units.rows(blocks * n * 2, d);
      const auto x = random_floats(d, 15);
      std::vector<float> row(d), product(d);
      widen(WeightView(units).row(5, d), d, row.data());
      multiply(x.data(), WeightView(units).row(5, d), d, product.data());
      for (size_t j = 0; j < d; ++j) {
        REQUIRE(row[j] == values[5 * d + j]);
        REQUIRE(product[j] == x[j] * values[5 * d + j]);
      }
      std::vector<uint32_t> choice(blocks);
      for (size_t b = 0; b < blocks; ++b) choice[b] = uint32_t(b % n);
      std::vector<float> hidden(blocks), expected(blocks);
      chosen_hidden(x.data(), units, choice.data(), blocks, blocks, n, d, hidden.data());
      chosen_hidden(x.data(), values.data(), choice.data(), blocks, blocks, n, d, expected.data());
      REQUIRE(hidden == expected);
      auto y = random_floats(d, 16);
      auto y_expected = y;
      for (size_t begin = 0; begin < d; begin += 2 * kGroup) {
        add_chosen_outputs(hidden.data(), units, choice.data(), blocks, n, d, begin,
                           std::min(begin + 2 * kGroup, d), y.data());
      }
      add_chosen_outputs(hidden.data(), values.data(), choice.data(), blocks, n, d, 0, d,
                         y_expected.data());
      REQUIRE(y == y_expected);
    }
  });
}
