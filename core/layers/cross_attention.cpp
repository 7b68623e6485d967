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

void softmax_attention(ConstMatrix q, const KvCache& cache, const HeadShape& shape, Workspace& work,
                       Matrix y) {
  dot_product_attention(q, cache, shape, Mask::none, work.threads, y);
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
  cache->append(keys, values);

  auto state = std::make_unique<CrossAttentionState>();
  state->source = std::move(cache);
  if (query_) state->query = query_->new_state(options);
  if (output_) state->output = output_->new_state(options);
  return state;
}

void CrossAttention::forward(ConstMatrix x, LayerState* state, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  auto& memory = static_cast<CrossAttentionState&>(*state);
  ConstMatrix queries = x;
  if (query_) {
    const Matrix projected = work.scratch.matrix(x.rows, heads_.heads * heads_.d_qk);
    query_->forward(x, memory.query.get(), work, projected);
    queries = projected;
  }
  const Matrix mixed = output_ ? work.scratch.matrix(x.rows, heads_.heads * heads_.d_v) : y;
  attend_(queries, *memory.source, heads_, work, mixed);
  if (output_) output_->forward(mixed, memory.output.get(), work, y);
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
                                          rounded_attention);
}

}  // namespace terse
