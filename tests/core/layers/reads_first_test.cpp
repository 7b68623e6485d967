// What layers name as their first reads: whole arrays, those that do not hang on the input.
#include <catch2/catch.hpp>
#include <memory>

#include "core/layers/dense.h"
#include "core/layers/factored_dense.h"
#include "core/layers/feed_forward.h"
#include "core/layers/layer_norm.h"
#include "core/layers/serial.h"
#include "core/layers/sparse_ff.h"
#include "core/traffic.h"

using namespace terse;

namespace {

constexpr size_t kFloatsOfLine = 16;

const SparseFF::Config kSparse{64, 1024, 64, 32};  // d_model, d_ff, n_elements_in_block, d_lowrank
constexpr size_t kControllers = 32 * (64 + 1024) + 1024;  // parameters

}  // namespace

TEST_CASE("a sparse feed-forward layer names its controllers, not the units to be chosen") {
  const ShapesOnly shapes(DType::f32);
  const SparseFF sparse(Weights(shapes, ""), kSparse);
  CHECK(sparse.reads_first().lines() == kControllers / kFloatsOfLine);
}

TEST_CASE("a quantised sparse layer names the bytes of its controllers") {
  const ShapesOnly shapes(DType::int8);
  const SparseFF sparse(Weights(shapes, ""), kSparse);
  const size_t bytes = sparse.reads_first().lines() * 64;
  CHECK(bytes >= kControllers);
  CHECK(bytes < kControllers * 3 / 2);  // the scales, and the ends of pieces
}

TEST_CASE("a factored projection names its arrays; large ones in bytes it asks for by itself") {
  const ShapesOnly floats(DType::f32), bytes(DType::int8);
  const FactoredDense in_floats(Weights(floats, ""), 4, 64, 128);
  CHECK(in_floats.reads_first().lines() == (4 * 64 + 128 / 4 * 64) / kFloatsOfLine);
  const size_t small = FactoredDense(Weights(bytes, ""), 4, 64, 128).reads_first().lines() * 64;
  CHECK(small >= 4 * 64 + 128 / 4 * 64);
  CHECK(small < in_floats.reads_first().lines() * 64);
  CHECK(FactoredDense(Weights(bytes, ""), 4, 1024, 1024).reads_first().lines() == 0);
}

TEST_CASE("layers in a row name their reads in that order") {
  const ShapesOnly shapes(DType::f32);
  Serial serial;
  serial.push(std::make_unique<LayerNorm>(Weights(shapes, "norm"), 64), 64);
  serial.push(std::make_unique<Dense>(Weights(shapes, "dense"), 64, 32), 32);
  kernels::ReadList reads = serial.reads_first();
  CHECK(reads.lines() == (2 * 64 + 64 * 32) / kFloatsOfLine);
  reads.ask(2 * 64 / kFloatsOfLine);  // scale and bias of the norm
  CHECK(reads.lines() == 64 * 32 / kFloatsOfLine);
  CHECK(LayerNorm(Weights(shapes, "norm"), 64, false).reads_first().lines() == 64 / kFloatsOfLine);
}
