#include "core/layers/lsh_attention.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/layers/key_norm.h"
#include "core/layers/lsh_pass.h"
#include "core/packing.h"

namespace terse {
namespace {

// Multiply-adds worth waking another thread for.
constexpr size_t kWorthSplitting = size_t{1} << 16;
// Trax hashes a single token as a sequence of two, which matters where the number of buckets
// follows from the length.
constexpr size_t kTokenHashLength = 2;
constexpr size_t kMostBuckets = size_t{1} << 24;
constexpr size_t kLargestFactor = size_t{1} << 16;

// A causal layer's state: a memory when the sequence is decoded.
struct LshState : LayerState {
  std::unique_ptr<LayerState> clone() const override { return std::make_unique<LshState>(*this); }
  size_t bytes() const override { return memory ? memory->bytes() : 0; }

  std::optional<LshMemory> memory;
  bool scored = false;
};

std::vector<size_t> bucket_factors(const Params& params) {
  if (params.is_null("n_buckets")) return {};
  std::vector<size_t> factors = params.sizes("n_buckets");
  size_t product = 1;
  for (const size_t factor : factors) {
    product = std::min(product * factor, kMostBuckets + 1);
    if (factor % 2 == 0 && factor <= kLargestFactor && product <= kMostBuckets) continue;
    throw ModelError(params.where() + ": n_buckets has the factor " + std::to_string(factor) +
                     "; expected even numbers up to " + std::to_string(kLargestFactor) +
                     " with a product of at most " + std::to_string(kMostBuckets));
  }
  return factors;
}

ChunkedHead head_of(const LshConfig& config, size_t head, ConstMatrix qk, ConstMatrix keys,
                    ConstMatrix v) {
  const auto [heads, d_qk, d_v] = config.heads;
  return {qk.middle_cols(head * d_qk, d_qk),
          {keys.data + head * d_qk, keys.stride},
          {v.data + head * d_v, v.stride},
          d_v,
          config.causal,
          true};
}

}  // namespace

LshConfig LshConfig::from(const Params& params, const HeadShape& heads, bool causal) {
  const size_t chunk_len = params.size("chunk_len");
  const size_t memory = params.size("predict_mem_len");
  return {
      heads,
      causal,
      {chunk_len, params.size("n_chunks_before", 0, 1024), params.size("n_chunks_after", 0, 1024)},
      {heads.d_qk, params.size("n_hashes", 1, 1024), bucket_factors(params), chunk_len},
      memory,
      params.size("predict_drop_len", 1, memory)};
}

LshAttention::LshAttention(const LshConfig& config, std::span<const uint32_t> keys)
    : config_(config) {
  for (size_t head = 0; head < config.heads.heads; ++head) {
    keys_.push_back({keys[2 * head], keys[2 * head + 1]});
    if (config.causal) token_hashes_.emplace_back(config.hash, keys_.back(), kTokenHashLength);
  }
}

std::unique_ptr<LayerState> LshAttention::new_state(const StateOptions& options) const {
  if (!config_.causal) return nullptr;
  auto state = std::make_unique<LshState>();
  if (options.purpose == Purpose::decode) {
    state->memory.emplace(config_.heads, config_.hash.n_hashes, config_.memory, options);
  }
  return state;
}

void LshAttention::forward(ConstMatrix qk, ConstMatrix v, LayerState* state, Workspace& work,
                           Matrix y) const {
  auto* own = static_cast<LshState*>(state);
  if (own == nullptr || !own->memory) {
    if (own != nullptr && std::exchange(own->scored, true)) {
      throw Error("LSH attention scores a text in one call, not in pieces");
    }
    score(qk, v, work, y);
    return;
  }
  if (own->memory->length() == 0 && qk.rows > 1) {
    decode_first(qk, v, *own->memory, work, y);
    return;
  }
  for (size_t i = 0; i < qk.rows; ++i) {
    decode_token(qk.middle_rows(i, 1), v.middle_rows(i, 1), *own->memory, work,
                 y.middle_rows(i, 1));
  }
}

void LshAttention::score(ConstMatrix qk, ConstMatrix v, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const auto [heads, d_qk, d_v] = config_.heads;
  const size_t n_hashes = config_.hash.n_hashes;
  const bool even = n_hashes * qk.rows % config_.chunks.chunk_len == 0;
  const size_t total = even ? qk.rows : round_up(qk.rows, config_.chunks.chunk_len);
  const Matrix keys = work.scratch.matrix(qk.rows, qk.cols);
  normalise_keys(qk, heads, work.threads, keys);
  const std::span<uint32_t> buckets = work.scratch.indices(n_hashes * total);
  for (size_t head = 0; head < heads; ++head) {
    const LshHash hash(config_.hash, split(keys_[head])[1], total);
    attend_by_buckets(head_of(config_, head, qk, keys, v), hash,
                      {total, PaddedLength::Padding::own_bucket}, config_.chunks, work,
                      y.middle_cols(head * d_v, d_v), buckets.data());
  }
}

// A short beginning is hashed together with the rest of the memory, which is zero.
void LshAttention::decode_first(ConstMatrix qk, ConstMatrix v, LshMemory& memory, Workspace& work,
                                Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const auto [heads, d_qk, d_v] = config_.heads;
  const size_t n = qk.rows;
  const bool fits = n <= config_.drop && n < config_.memory;
  const size_t total = round_up(fits ? config_.memory : n, config_.chunks.chunk_len);
  const Matrix keys = work.scratch.matrix(n, qk.cols);
  normalise_keys(qk, heads, work.threads, keys);
  memory.append(keys, v, work.threads);
  const size_t kept = memory.length();
  const std::span<uint32_t> buckets = work.scratch.indices(config_.hash.n_hashes * total);
  for (size_t head = 0; head < heads; ++head) {
    const LshHash hash(config_.hash, keys_[head], total);
    attend_by_buckets(head_of(config_, head, qk, keys, v), hash,
                      {total, PaddedLength::Padding::zeros}, config_.chunks, work,
                      y.middle_cols(head * d_v, d_v), buckets.data());
    for (size_t h = 0; h < hash.n_hashes(); ++h) {
      const uint32_t offset = uint32_t(h * hash.n_buckets());
      const uint32_t* from = buckets.data() + h * total + n - kept;
      std::transform(from, from + kept, memory.buckets(head) + h * memory.size(),
                     [&](uint32_t bucket) { return bucket + offset; });
    }
  }
}

size_t LshAttention::visible_to_token() const {
  const size_t wanted =
      config_.hash.n_hashes * config_.chunks.chunk_len * (1 + config_.chunks.before);
  return std::min(wanted, config_.memory);
}

void LshAttention::decode_token(ConstMatrix qk, ConstMatrix v, LshMemory& memory, Workspace& work,
                                Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const size_t heads = config_.heads.heads;
  const size_t rotated_size = token_hashes_[0].scratch_size();
  const size_t visible = visible_to_token();
  const Matrix keys = work.scratch.matrix(1, qk.cols);
  const std::span<float> rotated = work.scratch.floats(heads * rotated_size);
  const std::span<uint32_t> rows = work.scratch.indices(heads * visible);
  normalise_keys(qk, heads, work.threads, keys);
  memory.make_room(config_.drop);
  memory.append(keys, v, work.threads);
  const size_t cost = visible * (config_.heads.d_qk + config_.heads.d_v);
  work.threads.for_ranges(heads, kWorthSplitting / cost + 1, [&](size_t begin, size_t end) {
    for (size_t head = begin; head < end; ++head) {
      attend_token(qk, head, rotated.data() + head * rotated_size, rows.data() + head * visible,
                   memory, y);
    }
  });
}

void LshAttention::attend_token(ConstMatrix qk, size_t head, float* rotated, uint32_t* rows,
                                LshMemory& memory, Matrix y) const {
  const auto [heads, d_qk, d_v] = config_.heads;
  const LshHash& hash = token_hashes_[head];
  const float* query = qk.data + head * d_qk;
  const size_t now = memory.length() - 1;
  uint32_t* buckets = memory.buckets(head) + now;
  hash.assign(query, d_qk, 1, rotated, buckets, memory.size());
  for (size_t h = 0; h < hash.n_hashes(); ++h) {
    buckets[h * memory.size()] += uint32_t(h * hash.n_buckets());
  }
  const size_t n_rows = memory.select(head, visible_to_token(), rows);
  const kernels::RowMask mask{uint32_t(now), uint32_t(now + 1), true, true};
  kernels::attend_rows(query, {memory.cache().keys(head), d_qk}, {memory.cache().values(head), d_v},
                       rows, n_rows, d_qk, d_v, 1.0f / std::sqrt(float(d_qk)), mask,
                       y.data + head * d_v);
}

}  // namespace terse
