// What a convolution sees of a sequence that comes piece by piece: the same as of a whole one.
#include "core/layers/conv_input.h"

#include <catch2/catch.hpp>
#include <memory>
#include <numeric>
#include <vector>

#include "tests/core/kernels/kernel_test.h"

using namespace terse;
using kernels::random_floats;

namespace {

// All that a convolution over the reach's whole width reads of each position, as floats.
std::vector<std::vector<float>> seen(const ConvInput& input, const ConvReach& reach) {
  std::vector<std::vector<float>> positions(input.positions());
  for (size_t i = 0; i < positions.size(); ++i) {
    if (!input.in_bytes()) {
      const kernels::Patches p = input.patches(i, reach.width);
      for (size_t j = 0; j < p.modules; ++j) {
        for (size_t l = 0; l < p.taps; ++l) {
          const float* run = p.first + l * p.tap_stride + j * p.module;
          positions[i].insert(positions[i].end(), run, run + p.width);
        }
      }
      continue;
    }
    const kernels::QuantizedRows q = input.byte_patches(reach.width);
    for (size_t row = i * reach.modules; row < (i + 1) * reach.modules; ++row) {
      for (size_t l = 0; l < q.taps; ++l) {
        const size_t first = q.group_of(row) + l * q.tap_stride;
        for (size_t at = first * kGroup; at < (first + q.groups) * kGroup; ++at) {
          positions[i].push_back(float(q.values[at]) * q.scales[at / kGroup]);
        }
        int left = 0;
        for (size_t g = q.groups; g-- > 0;) {
          if ((g + 1) % q.span == 0) left = 0;
          const int8_t* values = q.values + (first + g) * kGroup;
          left = std::accumulate(values, values + kGroup, left);
          REQUIRE(q.sums[first + g] == left);
        }
      }
    }
  }
  return positions;
}

void check_pieces(const ConvReach& reach, bool in_bytes, const std::vector<size_t>& pieces) {
  const size_t n = 60;
  const auto x = random_floats(n * reach.d_in(), 1);
  Workspace work(2);
  const ConvInput whole(ConstMatrix(x.data(), n, reach.d_in()), LayerStates(nullptr), reach,
                        in_bytes, work);
  const auto expected = seen(whole, reach);
  auto tail = new_conv_tail(reach, in_bytes);
  std::vector<std::vector<float>> found;
  for (size_t i = 0, piece = 0; i < n; ++piece) {
    const size_t length = std::min(pieces[piece % pieces.size()], n - i);
    const Scratch::Frame frame(work.scratch);
    const ConvInput input(ConstMatrix(x.data() + i * reach.d_in(), length, reach.d_in()),
                          LayerStates(tail.get()), reach, in_bytes, work);
    for (auto& position : seen(input, reach)) found.push_back(position);
    i += length;
    if (piece % 7 == 3) tail = tail->clone();
  }
  CHECK(found == expected);
}

}  // namespace

TEST_CASE("A convolution's input is the same whole, token by token and in pieces") {
  for (const bool in_bytes : {false, true}) {
    for (const ConvReach& reach :
         {ConvReach{4, 32, 3, 3}, ConvReach{3, 18, 5, 2}, ConvReach{2, 8, 1, 1},
          ConvReach{2, 8, 3, 25}}) {  // longer than the room of a tail
      INFO("bytes " << in_bytes << ", length " << reach.length << ", width " << reach.width);
      check_pieces(reach, in_bytes, {1});
      check_pieces(reach, in_bytes, {5, 1, 1, 1, 2});
      check_pieces(reach, in_bytes, {30, 1});
    }
  }
}

TEST_CASE("Sequences in lock-step each keep their own tail of a convolution") {
  const ConvReach reach{2, 32, 3, 3};
  const size_t n = 5, d = reach.d_in();
  const auto x = random_floats(2 * n * d, 2);  // position i of both, one behind the other
  for (const bool in_bytes : {false, true}) {
    Workspace work(1);
    auto first = new_conv_tail(reach, in_bytes), second = new_conv_tail(reach, in_bytes);
    auto alone = new_conv_tail(reach, in_bytes);
    LayerState* const both[] = {first.get(), second.get()};
    for (size_t i = 0; i < n; ++i) {
      const Scratch::Frame frame(work.scratch);
      const float* rows = x.data() + i * 2 * d;
      const ConvInput together(ConstMatrix(rows, 2, d),
                               LayerStates(std::span<LayerState* const>(both)), reach, in_bytes,
                               work);
      const ConvInput one(ConstMatrix(rows + d, 1, d), LayerStates(alone.get()), reach, in_bytes,
                          work);
      CHECK(seen(together, reach)[1] == seen(one, reach)[0]);
    }
  }
}
