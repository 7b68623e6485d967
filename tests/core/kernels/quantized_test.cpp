// Quantised weights: the packings, and every kernel that reads them against the reference on what
// they unpack to.
#include <catch2/catch.hpp>

#include "core/kernels/pack.h"
#include "core/kernels/quantize.h"
#include "core/kernels/quantized_matmul.h"
#include "core/kernels/sparse_ff.h"
#include "core/kernels/vector.h"
#include "tests/core/kernels/kernel_test.h"

using namespace terse;
using namespace terse::kernels;

namespace {

/// A tensor in a quantised type, and the floats that it stands for.
struct Packed {
  Packed(const std::vector<float>& values, TensorKind kind, const Shape& shape, DType type)
      : dtype(type), bytes(bytes_of(type, kind, shape)) {
    pack(values.data(), kind, shape, type, bytes.data());
  }
  operator WeightView() const {  // NOLINT(google-explicit-constructor): stands for its view
    return {bytes.data(), dtype};
  }

  /// As rows of d values.
  std::vector<float> rows(size_t n, size_t d) const {
    std::vector<float> values;
    for (size_t i = 0; i < n; ++i) {
      const std::byte* row = bytes.data() + i * row_bytes(dtype, d);
      for (size_t j = 0; j < d; ++j) values.push_back(unpack_row(row, dtype, d, j));
    }
    return values;
  }
  /// As a matrix [n, k].
  std::vector<float> matrix(size_t i, size_t n, size_t k) const {
    std::vector<float> values;
    const std::byte* first = bytes.data() + i * matrix_bytes(dtype, n, k);
    for (size_t j = 0; j < n * k; ++j) {
      values.push_back(unpack_panels(first, dtype, k, j / k, j % k));
    }
    return values;
  }

  DType dtype;
  std::vector<std::byte> bytes;
};

/// Rows of activations in bytes, and the floats that they stand for.
struct Bytes {
  Bytes(const std::vector<float>& x, size_t m, size_t k, size_t span = kSpan)
      : groups(groups_of(k)), values(m * groups * kGroup), scales(m * groups), sums(m * groups) {
    for (size_t i = 0; i < m; ++i) {
      const size_t g = i * groups;
      quantize(x.data() + i * k, k, span, {values.data() + g * kGroup, &scales[g], &sums[g]});
    }
    rows.values = values.data();
    rows.scales = scales.data();
    rows.sums = sums.data();
    rows.m = m;
    rows.groups = groups;
    rows.span = span;
    rows.position_stride = groups;
  }
  float at(size_t i, size_t k, size_t j) const {
    return scales[i * groups + j / kGroup] * values[i * groups * kGroup + j + 0 * k];
  }

  size_t groups;
  std::vector<int8_t> values;
  std::vector<float> scales;
  std::vector<int32_t> sums;
  QuantizedRows rows;
};

template <class Test>
void for_each_isa_and_quantized_type(Test&& test) {
  for_each_isa([&] {
    for (const DType dtype : {DType::int8, DType::int4}) {
      INFO(name_of(dtype));
      test(dtype);
    }
  });
}

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
      std::vector<float> x(3 * kSpan * kGroup, 1.0f);
      x[kSpan * kGroup + 40] = bad;
      const Bytes bytes(x, 1, x.size());
      for (size_t g = 0; g < bytes.groups; ++g) {
        CHECK(std::isnan(bytes.scales[g]) == (g / kSpan == 1));
        if (g / kSpan == 1) CHECK(bytes.sums[g] == 0);
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
        spans((groups_of(k) + kSpan - 1) / kSpan),
        scales(positions * spans) {
    for (size_t i = 0; i < positions; ++i) {
      prepare_gating(&x[i * k], k, &values[i * groups_of(k) * kGroup], &scales[i * spans]);
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
    for (const size_t n : {1, 32, 100, 128, 300, 512, 1100}) {
      INFO("n " << n);
      const auto x = random_floats(n, 20);
      const Packed packed(random_floats(n, 21), TensorKind::gates, {1, n}, DType::int8);
      const auto gates = packed.rows(1, n);
      const Prepared prepared(x, 1, n);
      Bytes gated(std::vector<float>(n), 1, n);
      quantize_gated(prepared.input(), packed, n,
                     {gated.values.data(), gated.scales.data(), gated.sums.data()});
      for (size_t begin = 0; begin < n; begin += kSpan * kGroup) {
        const size_t end = std::min(begin + kSpan * kGroup, n);
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
    const size_t n = 3 * kSpan * kGroup;
    for (const float bad : {INFINITY, -INFINITY, NAN}) {
      auto x = random_floats(n, 22);
      x[kSpan * kGroup + 3] = bad;
      const Packed gates(random_floats(n, 23), TensorKind::gates, {1, n}, DType::int8);
      Bytes gated(std::vector<float>(n), 1, n);
      quantize_gated(Prepared(x, 1, n).input(), gates, n,
                     {gated.values.data(), gated.scales.data(), gated.sums.data()});
      for (size_t g = 0; g < gated.groups; ++g) {
        CHECK(std::isnan(gated.scales[g]) == (g / kSpan == 1));
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
                          Case{3, 16, 1024, 64}, Case{1, 33, 513, 9}}) {
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
        const Bytes block(std::vector<float>(rows * kGatedGroups * kGroup), rows,
                          kGatedGroups * kGroup);
        std::vector<float> y(rows * c.n);
        for (size_t i = 0; i < rows; i += part) {
          gated_matmul(
              {x.input(), gates, c.modules}, i, std::min(i + part, rows), w, c.n, c.k,
              {const_cast<int8_t*>(block.values.data()), const_cast<float*>(block.scales.data()),
               const_cast<int32_t*>(block.sums.data())},
              y.data(), c.n);
        }
        REQUIRE(y == expected);
      }
    }
  });
}

TEST_CASE("quantized_matmul is the product of what its operands stand for") {
  struct Case {
    size_t m, n, k;
  };
  for_each_isa_and_quantized_type([](DType dtype) {
    for (const Case& c :
         {Case{1, 1, 1}, Case{1, 16, 32}, Case{1, 64, 100}, Case{2, 17, 33}, Case{3, 70, 64},
          Case{5, 5, 96}, Case{9, 48, 256}, Case{1, 130, 1024}, Case{6, 40, 1100}}) {
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
    const size_t m = 11, n = 100, k = 96;
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

TEST_CASE("ranges to read ahead are shared out whole, and end") {
  const std::vector<std::byte> memory(10 * 100);
  const ReadAhead all(memory.data(), 100, 10, 100);
  CHECK(all.lines() == 20);  // two for each
  size_t lines = 0;
  for (size_t part = 0; part < 3; ++part) lines += all.part(part, part + 1, 3).lines();
  CHECK(lines == 20);
  ReadAhead some = all.part(0, 1, 2);
  CHECK(some.lines() == 10);
  some.ask(3);
  CHECK(some.lines() == 7);
  some.ask(100);
  CHECK(some.lines() == 0);
  CHECK(ReadAhead().lines() == 0);
  CHECK(ReadAhead(memory.data(), 0, 5, 100).lines() == 0);
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
