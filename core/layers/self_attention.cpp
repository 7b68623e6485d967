#include "core/layers/self_attention.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/layers/dense.h"
#include "core/layers/key_norm.h"

namespace terse {

struct SelfAttention::State : LayerState {
  State(KvCache kv, Purpose what_for) : cache(std::move(kv)), purpose(what_for) {}
  std::unique_ptr<LayerState> clone() const override { return std::make_unique<State>(*this); }
  size_t bytes() const override { return cache.bytes(); }
  size_t bytes_read() const override { return cache.bytes_used(); }

  KvCache cache;
  Purpose purpose;
  bool scored = false;
};

SelfAttention::SelfAttention(std::unique_ptr<QkvProjection> qkv, std::unique_ptr<Layer> output,
                             const Config& config)
    : qkv_(std::move(qkv)), output_(std::move(output)), config_(config) {}

std::unique_ptr<LayerState> SelfAttention::new_state(const StateOptions& options) const {
  if (!config_.causal) return nullptr;
  const auto [heads, d_qk, d_v] = config_.heads;
  const bool limited = options.purpose == Purpose::decode;
  const size_t capacity = limited ? std::min(options.capacity, config_.memory) : options.capacity;
  return std::make_unique<State>(KvCache(heads, d_qk, d_v, capacity, options.cache_type),
                                 options.purpose);
}

void SelfAttention::forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const auto [heads, d_qk, d_v] = config_.heads;
  const Matrix q = work.scratch.matrix(x.rows, heads * d_qk);
  const Matrix k = work.scratch.matrix(x.rows, heads * d_qk);
  const Matrix v = work.scratch.matrix(x.rows, heads * d_v);
  const Matrix attended = work.scratch.matrix(x.rows, heads * d_v);
  qkv_->forward(x, nullptr, work, q, k, v);
  if (config_.share_qk) normalise_keys(q, heads, work.threads, k);
  for (size_t i = 0; i < states.size(); ++i) {
    const auto rows = [&](const auto& all) { return rows_of_sequence(all, i, states.size()); };
    attend({rows(q), rows(k), rows(v)}, static_cast<State*>(states[i]), work, rows(attended));
  }
  output_->forward(attended, nullptr, work, y);
}

void SelfAttention::attend(const Projected& x, State* state, Workspace& work, Matrix y) const {
  if (state == nullptr || (state->purpose == Purpose::score && config_.chunks)) {
    if (state != nullptr && std::exchange(state->scored, true)) {
      throw Error("attention in chunks scores a text in one call, not in pieces");
    }
    attend_whole(x, work, y);
  } else if (state->purpose == Purpose::score || config_.memory == SIZE_MAX) {
    attend_cached(x, state->cache, work, y);
  } else if (state->cache.length() == 0) {
    decode_first(x, state->cache, work, y);
  } else {
    decode_next(x, state->cache, work, y);
  }
}

void SelfAttention::attend_whole(const Projected& x, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const auto [heads, d_qk, d_v] = config_.heads;
  const size_t n = x.q.rows;
  if (!config_.chunks && (config_.causal || !config_.share_qk)) {
    KvCache whole(heads, d_qk, d_v, n);
    attend_cached(x, whole, work, y);
    return;
  }
  const ChunkShape chunks = config_.chunks.value_or(ChunkShape{n, 0, 0});
  const size_t total = (n + chunks.chunk_len - 1) / chunks.chunk_len * chunks.chunk_len;
  const std::span<uint32_t> order = work.scratch.indices(total);
  std::iota(order.begin(), order.end(), 0);
  for (size_t head = 0; head < heads; ++head) {
    const ChunkedHead one{x.q.middle_cols(head * d_qk, d_qk),
                          {x.k.data + head * d_qk, x.k.stride},
                          {x.v.data + head * d_v, x.v.stride},
                          d_v,
                          config_.causal,
                          config_.share_qk};
    attend_in_chunks(one, order, total, chunks, work.threads, work.scratch,
                     y.middle_cols(head * d_v, d_v), nullptr);
  }
}

void SelfAttention::attend_cached(const Projected& x, KvCache& cache, Workspace& work,
                                  Matrix y) const {
  const Mask causal = config_.share_qk ? Mask::earlier : Mask::causal;
  cache.append(x.k, x.v, work.threads);
  dot_product_attention(x.q, cache, config_.heads, config_.causal ? causal : Mask::none, work, y);
}

void SelfAttention::decode_first(const Projected& x, KvCache& cache, Workspace& work,
                                 Matrix y) const {
  const size_t n = x.q.rows;
  const bool long_call = n > config_.drop || n == config_.memory;
  if (config_.chunks && long_call && n > config_.chunks->chunk_len &&
      n % config_.chunks->chunk_len == 0) {
    attend_whole(x, work, y);
    cache.append(x.k, x.v, work.threads);
  } else {
    attend_cached(x, cache, work, y);
  }
  if (n > config_.memory) cache.drop_front(n - config_.memory);
}

void SelfAttention::decode_next(const Projected& x, KvCache& cache, Workspace& work,
                                Matrix y) const {
  for (size_t begin = 0; begin < x.q.rows;) {
    const size_t n = std::min(x.q.rows - begin, config_.drop);
    if (cache.length() + n > config_.memory) {
      cache.drop_front(std::min(config_.drop, cache.length()));
    }
    attend_cached({x.q.middle_rows(begin, n), x.k.middle_rows(begin, n), x.v.middle_rows(begin, n)},
                  cache, work, y.middle_rows(begin, n));
    begin += n;
  }
}

std::unique_ptr<Layer> make_self_attention(const AttentionArgs& args) {
  const Params& params = args.params;
  params.expect_only({"share_qk", "chunk_len", "n_chunks_before", "n_chunks_after", "bias",
                      "predict_mem_len", "predict_drop_len"});
  const auto bias = params.flag("bias") ? Dense::Bias::yes : Dense::Bias::no;
  const size_t d_qk_all = args.n_heads * args.d_qk;
  const size_t d_v_all = args.n_heads * args.d_v;
  const auto dense = [&](const char* name, size_t d_out) {
    return std::make_unique<Dense>(args.weights / name, args.d_model, d_out, bias);
  };
  SelfAttention::Config config{
      {args.n_heads, args.d_qk, args.d_v}, args.causal, params.flag("share_qk"), {}, SIZE_MAX, 1};
  if (!params.is_null("chunk_len")) {
    config.chunks = {params.size("chunk_len"), params.size("n_chunks_before", 0, 1024),
                     params.size("n_chunks_after", 0, 1024)};
  }
  if (!params.is_null("predict_mem_len") && !params.is_null("predict_drop_len")) {
    config.memory = params.size("predict_mem_len");
    config.drop = params.size("predict_drop_len", 1, config.memory);
  }
  auto qkv = std::make_unique<SeparateQkv>(dense("query", d_qk_all),
                                           config.share_qk ? nullptr : dense("key", d_qk_all),
                                           dense("value", d_v_all));
  auto output =
      std::make_unique<Dense>(args.weights / "output", d_v_all, args.d_model, Dense::Bias::no);
  return std::make_unique<SelfAttention>(std::move(qkv), std::move(output), config);
}

}  // namespace terse
