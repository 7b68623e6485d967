// The parts of LSH attention against Trax: hashing, rotary positions, attention without weights;
// and what is selected from a memory.
#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>
#include <random>

#include "core/error.h"
#include "core/layers/key_norm.h"
#include "core/layers/lsh_attention.h"
#include "core/layers/lsh_hash.h"
#include "core/layers/lsh_pass.h"
#include "core/layers/rotary.h"
#include "io/config.h"
#include "io/json.h"
#include "tests/support/golden.h"

namespace terse::test {
namespace {

// A case of PureLSHSelfAttention: inputs and outputs stand as [batch * heads, n, d].
struct PureLsh {
  explicit PureLsh(const std::string& name) : folder(golden("layers") / name) {
    const auto json = read_json_file(folder / "config.json");
    auto args = json["args"];
    for (const auto& pair : {std::pair("predict_mem_len", 2048), {"predict_drop_len", 256}}) {
      args[pair.first] = pair.second;
    }
    if (!args.contains("n_chunks_after")) args["n_chunks_after"] = 0;
    heads = args["n_heads"].get<size_t>();
    const HeadShape shape{heads, args["d_qk"].get<size_t>(), args["d_v"].get<size_t>()};
    config = LshConfig::from(params_from_json(name, args), shape, args["causal"].get<bool>());
    for (const auto& key : json["lsh_keys"][0]["keys"]) {
      keys.push_back(key[0].get<uint32_t>());
      keys.push_back(key[1].get<uint32_t>());
    }
    qk = read_npy(folder / "input_0.npy");
    v = read_npy(folder / "input_1.npy");
    output = read_npy(folder / "output_0.npy");
  }

  std::filesystem::path folder;
  size_t heads;
  LshConfig config;
  std::vector<uint32_t> keys;
  Npy qk, v, output;
};

// One example's heads side by side: [n, heads * d].
std::vector<float> side_by_side(const Npy& array, size_t example, size_t heads) {
  const size_t n = array.shape[1];
  const size_t d = array.shape[2];
  std::vector<float> joined(n * heads * d);
  for (size_t head = 0; head < heads; ++head) {
    copy(block(array, example * heads + head), Matrix(joined.data() + head * d, n, d, heads * d));
  }
  return joined;
}

}  // namespace

TEST_CASE("Vectors get Trax's buckets, with one factor and with two", "[golden]") {
  const auto folder = golden("layers") / "hash_vecs";
  const auto json = read_json_file(folder / "config.json");
  const Npy vectors = read_npy(folder / "vecs.npy");
  const size_t n = vectors.shape[0];
  const RandomKey key{json["key"][0].get<uint32_t>(), json["key"][1].get<uint32_t>()};
  HashShape shape{vectors.shape[1], json["n_hashes"].get<size_t>(), {}, 1};
  const auto buckets_of = [&](std::vector<size_t> factors) {
    shape.n_buckets = std::move(factors);
    const LshHash hash(shape, key, n);
    std::vector<float> rotated(n * hash.scratch_size());
    std::vector<uint32_t> buckets(shape.n_hashes * n);
    hash.assign(vectors.floats.data(), shape.d_qk, n, rotated.data(), buckets.data(), n);
    return std::vector<int32_t>(buckets.begin(), buckets.end());
  };
  CHECK(buckets_of({json["single_n_buckets"].get<size_t>()}) ==
        read_npy(folder / "single_buckets.npy").ints);
  CHECK(buckets_of(json["factored_n_buckets"].get<std::vector<size_t>>()) ==
        read_npy(folder / "factored_buckets.npy").ints);
}

TEST_CASE("Without a number of buckets there are two for each chunk, factored above 128") {
  const HashShape shape{8, 1, {}, 4};
  CHECK(shape.factors(3) == std::vector<size_t>{2});
  CHECK(shape.factors(256) == std::vector<size_t>{128});
  CHECK(shape.factors(260) == std::vector<size_t>{16, 8});
  CHECK(shape.factors(4096) == std::vector<size_t>{64, 32});
}

TEST_CASE("An odd number of buckets is refused") {
  const HeadShape heads{1, 8, 8};
  const auto params = params_from_json(
      "LSHSelfAttention",
      nlohmann::json::parse(R"({"chunk_len": 4, "n_chunks_before": 1, "n_chunks_after": 0,
      "n_hashes": 1, "n_buckets": [4, 3], "predict_mem_len": 8, "predict_drop_len": 4})"));
  CHECK_THROWS_WITH(LshConfig::from(params, heads, true), Catch::Contains("factor 3"));
}

TEST_CASE("Rotary positions turn as Trax's, and go on where the last call ended", "[golden]") {
  const Npy input = read_npy(golden("layers") / "rotate" / "input_0.npy");
  const Npy output = read_npy(golden("layers") / "rotate" / "output_0.npy");
  Threads threads(2);
  for (size_t example = 0; example < input.shape[0]; ++example) {
    const ConstMatrix x = block(input, example);
    std::vector<float> values(x.data, x.data + x.rows * x.cols);
    const Matrix y(values.data(), x.rows, x.cols);
    rotate(0, threads, y.middle_rows(0, 3));
    rotate(3, threads, y.middle_rows(3, x.rows - 3));
    CHECK(largest_difference(y, block(output, example)) < 1e-5);
  }
}

TEST_CASE("LSH attention without weights equals Trax's eval mode", "[golden]") {
  const PureLsh c(GENERATE("pure_lsh", "pure_lsh_one_hash"));
  const size_t n = c.qk.shape[1];
  const size_t d = c.heads * c.qk.shape[2];
  for (size_t example = 0; example < c.qk.shape[0] / c.heads; ++example) {
    const LshAttention layer(c.config, std::span(c.keys).subspan(2 * example * c.heads));
    const auto qk = side_by_side(c.qk, example, c.heads);
    const auto v = side_by_side(c.v, example, c.heads);
    const auto expected = side_by_side(c.output, example, c.heads);
    Workspace work(2);
    std::vector<float> y(n * d);
    const auto state = layer.new_state({.purpose = Purpose::score});
    layer.forward({qk.data(), n, d}, {v.data(), n, d}, state.get(), work, {y.data(), n, d});
    CHECK(largest_difference({y.data(), n, d}, {expected.data(), n, d}) < 1e-5);
  }
}

TEST_CASE("Padding stands in a bucket of its own, as with Trax's mask", "[golden]") {
  const PureLsh c("pure_lsh_masked");
  const Npy mask = read_npy(c.folder / "input_2.npy");
  const size_t total = c.qk.shape[1];
  const size_t d = c.qk.shape[2];
  for (size_t i = 0; i < c.qk.shape[0]; ++i) {
    const auto row = mask.ints.begin() + ptrdiff_t(i / c.heads * total);
    const auto n = size_t(std::count(row, row + ptrdiff_t(total), 1));
    const ConstMatrix qk = block(c.qk, i).middle_rows(0, n);
    Workspace work(2);
    std::vector<float> keys(n * d), y(n * d);
    std::vector<uint32_t> buckets(c.config.hash.n_hashes * total);
    normalise_keys(qk, 1, work.threads, {keys.data(), n, d});
    const LshHash hash(c.config.hash, split({c.keys[2 * i], c.keys[2 * i + 1]})[1], total);
    attend_by_buckets({qk, {keys.data(), d}, {block(c.v, i).data, d}, d, false, true}, hash,
                      {total, PaddedLength::Padding::own_bucket}, c.config.chunks, work,
                      {y.data(), n, d}, buckets.data());
    CHECK(largest_difference({y.data(), n, d}, block(c.output, i)) < 1e-5);
  }
}

TEST_CASE("Scoring in pieces is refused, because buckets depend on the whole text") {
  const PureLsh c("pure_lsh");
  const size_t d = c.heads * c.qk.shape[2];
  const LshAttention layer(c.config, c.keys);
  const std::vector<float> x(4 * d, 1.0f);
  std::vector<float> y(4 * d);
  Workspace work;
  const auto state = layer.new_state({.purpose = Purpose::score});
  layer.forward({x.data(), 4, d}, {x.data(), 4, d}, state.get(), work, {y.data(), 4, d});
  CHECK_THROWS_AS(
      layer.forward({x.data(), 4, d}, {x.data(), 4, d}, state.get(), work, {y.data(), 4, d}),
      Error);
}

TEST_CASE("LSH attention over a whole text takes memory in proportion to its length") {
  const LshConfig config{{2, 8, 8}, true, {16, 1, 0}, {8, 2, {}, 16}, 64, 32};
  const std::vector<uint32_t> keys = {1, 2, 3, 4};
  const LshAttention layer(config, keys);
  const auto scratch_for = [&](size_t n) {
    Workspace work;
    const std::vector<float> x(n * 16, 1.0f);
    std::vector<float> y(n * 16);
    layer.forward({x.data(), n, 16}, {x.data(), n, 16}, nullptr, work, {y.data(), n, 16});
    return work.scratch.capacity();
  };
  // Four times the length, and scratch grows in powers of two.
  CHECK(scratch_for(80000) <= 8 * scratch_for(20000));
}

namespace {

// Trax's own way: rank all slots of the memory, take the highest.
std::vector<uint32_t> ranked(const std::vector<uint32_t>& buckets, size_t n_hashes, size_t size,
                             size_t now, size_t most) {
  std::vector<std::pair<ptrdiff_t, uint32_t>> priorities;
  for (size_t slot = 0; slot < size; ++slot) {
    const auto place = ptrdiff_t(slot);
    ptrdiff_t priority = slot > now + 1 ? -(ptrdiff_t(size) + place) : place;
    bool shares = false;
    for (size_t h = 0; h < n_hashes; ++h) {
      shares |= buckets[h * size + slot] == buckets[h * size + now];
    }
    priorities.emplace_back(priority + (shares ? ptrdiff_t(size) : 0), uint32_t(slot));
  }
  std::sort(priorities.rbegin(), priorities.rend());
  std::vector<uint32_t> rows;
  for (size_t i = 0; i < std::min(most, size); ++i) {
    if (priorities[i].second <= now) rows.push_back(priorities[i].second);
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace

TEST_CASE("A token sees the slots that Trax ranks highest, also after the memory was full") {
  const size_t n_hashes = 2, size = 12, drop = 5;
  LshMemory memory({1, 1, 1}, n_hashes, size, {});
  Threads threads;
  std::mt19937 generator(5);
  std::vector<uint32_t> rows(size);
  const float one = 1.0f;
  for (size_t step = 0; step < 60; ++step) {
    memory.make_room(drop);
    memory.append({&one, 1, 1}, {&one, 1, 1}, threads);
    const size_t now = memory.length() - 1;
    for (size_t h = 0; h < n_hashes; ++h) {
      memory.buckets(0)[h * size + now] = uint32_t(h * 4 + generator() % 4);
    }
    const std::vector<uint32_t> buckets(memory.buckets(0), memory.buckets(0) + n_hashes * size);
    for (const size_t most : {1, 2, 4, 7, 12}) {
      std::vector<uint32_t> found(rows.begin(),
                                  rows.begin() + ptrdiff_t(memory.select(0, most, rows.data())));
      std::sort(found.begin(), found.end());
      CHECK(found == ranked(buckets, n_hashes, size, now, most));
    }
  }
}

}  // namespace terse::test
