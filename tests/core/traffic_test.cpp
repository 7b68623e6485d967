// What the presets read for one token, against numbers added up by hand from the layers' shapes.
#include "core/traffic.h"

#include <catch2/catch.hpp>

#include "core/models/model.h"
#include "io/config.h"

using namespace terse;

namespace {

WeightTraffic traffic_of(const std::string& preset, DType type = DType::f32) {
  const std::filesystem::path path =
      std::filesystem::path(TERSE_TESTS_DIR) / ".." / "models" / "presets" / (preset + ".json");
  const ShapesOnly shapes(type);
  const RecordedWeights recorded(shapes);
  make_model(read_model_config(path), recorded);
  return weight_traffic(recorded.uses());
}

uint64_t dense(uint64_t d_in, uint64_t d_out) {
  return d_in * d_out + d_out;
}

uint64_t norm(uint64_t d) {
  return 2 * d;
}

uint64_t factored(uint64_t modules, uint64_t d_in, uint64_t d_out) {
  return modules * d_in + d_in * (d_out / modules) + d_out;
}

uint64_t conv(uint64_t modules, uint64_t d, uint64_t width, uint64_t length) {
  const uint64_t m = d / modules;
  return m * length * width * m + m;
}

uint64_t sparse_qkv(uint64_t modules, uint64_t d) {
  return factored(modules, d, d) + 2 * conv(modules, d, 3, 3) + conv(modules, d, 1, 3);
}

// Query and output of cross-attention: a FactoredDense and a convolution each.
uint64_t sparse_cross(uint64_t modules, uint64_t d) {
  return 2 * (factored(modules, d, d) + conv(modules, d, 3, 3));
}

// The controller and the bias of the sum; the units come on top.
uint64_t controller(uint64_t d, uint64_t d_ff, uint64_t rank) {
  return d * rank + rank * d_ff + d_ff + d;
}

uint64_t sru(uint64_t d, uint64_t units) {
  return dense(d, units) + dense(units, 3 * units) + dense(units, d) + norm(d);
}

}  // namespace

TEST_CASE("a dense Terraformer reads its decoder whole and nothing of its encoder") {
  const uint64_t d = 1024, d_ff = 6144, vocab = 32000;
  const WeightTraffic traffic = traffic_of("terraformer-c4-medium-dense");
  const uint64_t feed_forward = norm(d) + dense(d, d_ff) + dense(d_ff, d) + sru(d, 32);
  const uint64_t block = 2 * (norm(d) + 4 * dense(d, d)) + feed_forward;
  // One row of the embedding and one of the positions.
  CHECK(traffic.params_in_order == 24 * block + norm(d) + dense(d, vocab) + 2 * d);
  CHECK(traffic.params_scattered == 0);
  CHECK(traffic.bytes_in_order == 4 * traffic.params_in_order);
}

TEST_CASE("a sparse Terraformer reads its controllers whole and one unit of each block") {
  const uint64_t d = 1024, d_ff = 6144, blocks = 96, vocab = 32000;
  const WeightTraffic traffic = traffic_of("terraformer-c4-medium");
  const uint64_t feed_forward = norm(d) + controller(d, d_ff, 96) + sru(d, 32);
  const uint64_t block = 2 * (norm(d) + sparse_qkv(16, d)) + feed_forward;
  CHECK(traffic.params_in_order == 24 * block + norm(d) + factored(4, d, vocab) + 2 * d);
  CHECK(traffic.params_scattered == 24 * blocks * 2 * d);
  CHECK(traffic.row_bytes == 2 * d * 4);
  CHECK(traffic.units_in_block == 64);
  CHECK(traffic.unit_bytes_held == 24 * 2 * d * d_ff * 4);
  CHECK(traffic_of("terraformer-c4-medium", DType::bf16).row_bytes == 2 * d * 2);
}

TEST_CASE("a dense encoder-decoder reads the query and the output of its cross-attention") {
  const uint64_t d = 9216, d_ff = 40960, vocab = 32000;
  const WeightTraffic traffic = traffic_of("scaling-17b-dense");
  const uint64_t block =
      3 * norm(d) + 4 * dense(d, d) + 2 * dense(d, d) + dense(d, d_ff) + dense(d_ff, d);
  CHECK(traffic.params_in_order == 6 * block + norm(d) + dense(d, vocab) + 2 * d);
  CHECK(traffic.params_scattered == 0);
}

TEST_CASE("the paper's largest sparse row") {
  const uint64_t d = 9216, d_ff = 65536, vocab = 32000;
  const WeightTraffic traffic = traffic_of("scaling-17b-ff-qkv-loss");
  const uint64_t block =
      3 * norm(d) + sparse_qkv(64, d) + sparse_cross(64, d) + controller(d, d_ff, 32);
  CHECK(traffic.params_in_order == 6 * block + norm(d) + factored(4, d, vocab) + 2 * d);
  CHECK(traffic.params_scattered == 6 * (d_ff / 256) * 2 * d);
  CHECK(traffic.row_bytes == 2 * d * 4);
}

TEST_CASE("rows of the paper's table differ in what they name") {
  for (const std::string size : {"scaling-800m-", "scaling-17b-"}) {
    const WeightTraffic dense_row = traffic_of(size + "dense");
    const WeightTraffic ff = traffic_of(size + "ff");
    const WeightTraffic qkv = traffic_of(size + "qkv");
    const WeightTraffic both = traffic_of(size + "ff-qkv");
    const WeightTraffic loss = traffic_of(size + "ff-qkv-loss");
    CHECK(ff.params_touched() < dense_row.params_touched());
    CHECK(both.params_touched() < ff.params_touched());
    CHECK(loss.params_touched() < both.params_touched());
    CHECK(qkv.params_scattered == 0);
    // About as many parameters in all: what is compared is the sparsity.
    for (const WeightTraffic& row : {ff, qkv, both, loss}) {
      CHECK(double(row.params_held) / double(dense_row.params_held) == Approx(1).margin(0.25));
    }
  }
}
