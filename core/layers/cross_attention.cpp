#include "core/layers/cross_attention.h"

#include "core/error.h"
#include "core/layers/dense.h"
#include "core/layers/factored_dense.h"
#include "core/layers/locally_conv_dense.h"
#include "core/layers/rounded_attention.h"
#include "core/layers/serial.h"

namespace terse {
namespace {

struct CrossAttentionState : LayerState {
  std::unique_ptr<LayerState> clone() const override {
    auto copy = std::make_unique<CrossAttentionState>();
    copy->source = source;
    copy->query = clone_of(query);
    copy->output = clone_of(output);
    return copy;
  }
  size_t bytes() const override {
    return source->bytes() + (query ? query->bytes() : 0) + (output ? output->bytes() : 0);
  }
  size_t bytes_read() const override {
    return source->bytes_used() + (query ? query->bytes_read() : 0) +
           (output ? output->bytes_read() : 0);
  }

  std::shared_ptr<const KvCache> source;
  std::unique_ptr<LayerState> query;
  std::unique_ptr<LayerState> output;
};

// Trax: _SparsifiableDense. `name` is an argument of `sparsity`; a null `sparsity` means Dense.
std::unique_ptr<Layer> make_projection(const Weights& weights, size_t d, const Params* sparsity,
                                       const char* name) {
  if (sparsity == nullptr || sparsity->is_null(name)) return std::make_unique<Dense>(weights, d, d);
  if (sparsity->is_text(name)) {
    sparsity->word(name, {"noop"});
    return nullptr;
  }
  const size_t modules = sparsity->size(name);
  auto projection = std::make_unique<Serial>();
  projection->push(std::make_unique<FactoredDense>(weights / "mult", modules, d, d), d);
  projection->push(make_locally_conv_dense(weights / "conv", {modules, d, d, 3, 3}), d);
  return projection;
}

void softmax_attention(ConstMatrix q, std::span<const KvCache* const> caches,
                       const HeadShape& shape, Workspace& work, Matrix y) {
  dot_product_attention(q, caches, shape, Mask::none, work, y);
}

void attend_rounded(ConstMatrix q, std::span<const KvCache* const> caches, const HeadShape& shape,
                    Workspace& work, Matrix y) {
  for (size_t i = 0; i < caches.size(); ++i) {
    rounded_attention(rows_of_sequence(q, i, caches.size()), *caches[i], shape, work,
                      rows_of_sequence(y, i, caches.size()));
  }
}

LayerState* query_of(CrossAttentionState& state) {
  return state.query.get();
}

LayerState* output_of(CrossAttentionState& state) {
  return state.output.get();
}

HeadShape split_heads(const Weights& weights, size_t d_model, size_t n_heads) {
  if (n_heads == 0 || d_model % n_heads != 0) {
    throw ModelError(weights.full_name("query") + ": d_model " + std::to_string(d_model) +
                     " is no multiple of n_heads " + std::to_string(n_heads));
  }
  return {n_heads, d_model / n_heads, d_model / n_heads};
}

}  // namespace

CrossAttention::CrossAttention(std::unique_ptr<Layer> query, std::unique_ptr<Layer> key,
                               std::unique_ptr<Layer> value, std::unique_ptr<Layer> output,
                               const HeadShape& heads, Attend attend)
    : query_(std::move(query)),
      key_(std::move(key)),
      value_(std::move(value)),
      output_(std::move(output)),
      heads_(heads),
      attend_(attend) {}

std::unique_ptr<LayerState> CrossAttention::new_state(ConstMatrix key_source,
                                                      ConstMatrix value_source,
                                                      const StateOptions& options,
                                                      Workspace& work) const {
  const Scratch::Frame frame(work.scratch);
  const size_t n = key_source.rows;
  const Matrix keys = work.scratch.matrix(n, heads_.heads * heads_.d_qk);
  const Matrix values = work.scratch.matrix(n, heads_.heads * heads_.d_v);
  key_->forward(key_source, nullptr, work, keys);
  value_->forward(value_source, nullptr, work, values);
  auto cache =
      std::make_shared<KvCache>(heads_.heads, heads_.d_qk, heads_.d_v, n, options.cache_type);
  cache->append(keys, values, work.threads);

  auto state = std::make_unique<CrossAttentionState>();
  state->source = std::move(cache);
  if (query_) state->query = query_->new_state(options);
  if (output_) state->output = output_->new_state(options);
  return state;
}

void CrossAttention::forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const bool single = x.rows == 1;
  if (single) {
    const KvCache& source = *static_cast<CrossAttentionState*>(states[0])->source;
    work.upcoming = upcoming_of(source, work.threads);
  }
  ConstMatrix queries = x;
  if (query_) {
    const Matrix projected = work.scratch.matrix(x.rows, heads_.heads * heads_.d_qk);
    query_->forward(x, states.parts<CrossAttentionState>(work.scratch, query_of), work, projected);
    queries = projected;
  }
  const Matrix mixed = output_ ? work.scratch.matrix(x.rows, heads_.heads * heads_.d_v) : y;
  const std::span<const KvCache*> caches = work.scratch.pointers<const KvCache>(states.size());
  for (size_t i = 0; i < states.size(); ++i) {
    caches[i] = static_cast<CrossAttentionState*>(states[i])->source.get();
  }
  attend_(queries, caches, heads_, work, mixed);
  work.upcoming = {};
  if (!output_) return;
  if (single) work.upcoming.projection = work.next;
  output_->forward(mixed, states.parts<CrossAttentionState>(work.scratch, output_of), work, y);
  work.upcoming = {};
}

kernels::ReadList CrossAttention::reads_first() const {
  return query_ ? query_->reads_first() : kernels::ReadList();
}

std::unique_ptr<CrossAttention> make_cross_attention(const Weights& weights, size_t d_model,
                                                     size_t n_heads, const Params& args) {
  const Params* sparsity = nullptr;
  if (!args.is_null("enc_dec_attention_sparsity")) {
    sparsity = &args.group("enc_dec_attention_sparsity");
    sparsity->expect_only({"q_sparsity", "result_sparsity"});
  }
  return std::make_unique<CrossAttention>(
      make_projection(weights / "query", d_model, sparsity, "q_sparsity"),
      std::make_unique<Dense>(weights / "key", d_model, d_model),
      std::make_unique<Dense>(weights / "value", d_model, d_model),
      make_projection(weights / "output", d_model, sparsity, "result_sparsity"),
      split_heads(weights, d_model, n_heads), softmax_attention);
}

std::unique_ptr<CrossAttention> make_enc_dec_attention(const Weights& weights, size_t d_model,
                                                       size_t n_heads) {
  const auto dense = [&](const char* name) {
    return std::make_unique<Dense>(weights / name, d_model, d_model, Dense::Bias::no);
  };
  return std::make_unique<CrossAttention>(dense("query"), dense("key"), dense("value"),
                                          dense("output"), split_heads(weights, d_model, n_heads),
                                          attend_rounded);
}

}  // namespace terse
