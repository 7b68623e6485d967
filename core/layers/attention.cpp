#include "core/layers/attention.h"

#include "core/layers/dense.h"

namespace terse {
namespace {

struct AttentionState : LayerState {
  explicit AttentionState(KvCache kv) : cache(std::move(kv)) {}

  std::unique_ptr<LayerState> clone() const override {
    auto copy = std::make_unique<AttentionState>(cache);
    copy->qkv = clone_of(qkv);
    copy->output = clone_of(output);
    return copy;
  }
  size_t bytes() const override {
    return cache.bytes() + (qkv ? qkv->bytes() : 0) + (output ? output->bytes() : 0);
  }
  size_t bytes_read() const override {
    return cache.bytes_used() + (qkv ? qkv->bytes_read() : 0) + (output ? output->bytes_read() : 0);
  }

  KvCache cache;
  std::unique_ptr<LayerState> qkv;
  std::unique_ptr<LayerState> output;
};

LayerState* qkv_of(AttentionState& state) {
  return state.qkv.get();
}

LayerState* output_of(AttentionState& state) {
  return state.output.get();
}

std::unique_ptr<Layer> make_dense_attention(const AttentionArgs& args, Mask mask) {
  return make_projected_attention(args, mask, [&](const Weights& weights) {
    return std::make_unique<Dense>(weights, args.d_model, args.d_model);
  });
}

}  // namespace

Attention::Attention(std::unique_ptr<QkvProjection> qkv, std::unique_ptr<Layer> output,
                     const HeadShape& heads, Mask mask)
    : qkv_(std::move(qkv)), output_(std::move(output)), heads_(heads), mask_(mask) {}

std::unique_ptr<LayerState> Attention::new_state(const StateOptions& options) const {
  if (mask_ == Mask::none) return nullptr;
  auto state = std::make_unique<AttentionState>(
      KvCache(heads_.heads, heads_.d_qk, heads_.d_v, options.capacity, options.cache_type));
  state->qkv = qkv_->new_state(options);
  if (output_) state->output = output_->new_state(options);
  return state;
}

void Attention::forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const Matrix q = work.scratch.matrix(x.rows, heads_.heads * heads_.d_qk);
  const Matrix k = work.scratch.matrix(x.rows, heads_.heads * heads_.d_qk);
  const Matrix v = work.scratch.matrix(x.rows, heads_.heads * heads_.d_v);
  const Matrix mixed = output_ ? work.scratch.matrix(x.rows, heads_.heads * heads_.d_v) : y;

  const bool single = x.rows == 1 && states[0] != nullptr;
  if (single) {
    attend_one(x, states[0], work, q, k, v, mixed);
  } else {
    attend(x, states, work, q, k, v, mixed);
  }
  if (!output_) return;
  if (single) work.upcoming.projection = work.next;
  output_->forward(mixed, states.parts<AttentionState>(work.scratch, output_of), work, y);
  work.upcoming = {};
}

void Attention::attend(ConstMatrix x, LayerStates states, Workspace& work, Matrix q, Matrix k,
                       Matrix v, Matrix y) const {
  qkv_->forward(x, states.parts<AttentionState>(work.scratch, qkv_of), work, q, k, v);
  if (states[0] == nullptr) {
    KvCache whole(heads_.heads, heads_.d_qk, heads_.d_v, x.rows);
    whole.append(k, v, work.threads);
    dot_product_attention(q, whole, heads_, mask_, work, y);
    return;
  }
  const std::span<const KvCache*> caches = work.scratch.pointers<const KvCache>(states.size());
  for (size_t i = 0; i < states.size(); ++i) {
    KvCache& cache = static_cast<AttentionState*>(states[i])->cache;
    cache.append(rows_of_sequence(k, i, states.size()), rows_of_sequence(v, i, states.size()),
                 work.threads);
    caches[i] = &cache;
  }
  dot_product_attention(q, caches, heads_, mask_, work, y);
}

// One token: its projections compute more than they read, the attention the other way round.
void Attention::attend_one(ConstMatrix x, LayerState* state, Workspace& work, Matrix q, Matrix k,
                           Matrix v, Matrix y) const {
  auto& own = static_cast<AttentionState&>(*state);
  KvCache& cache = own.cache;
  cache.extend(1);
  work.upcoming = upcoming_of(cache, work.threads);
  const auto attend = [&](size_t begin, size_t end) {
    cache.store(k, v, begin, end);
    attend_heads(q.data, cache, heads_, mask_, begin, end, y.data);
  };
  qkv_->forward_then(x, own.qkv.get(), work, q, k, v,
                     {heads_.heads, heads_worth_sharing(cache, heads_), std::ref(attend)});
  work.upcoming = {};
}

kernels::ReadList Attention::reads_first() const {
  return qkv_->reads_first();
}

std::unique_ptr<Layer> make_projected_attention(
    const AttentionArgs& args, Mask mask,
    const std::function<std::unique_ptr<Layer>(const Weights&)>& make) {
  check_place(args, mask == Mask::causal);
  const size_t d_head = head_size(args);
  auto qkv = std::make_unique<SeparateQkv>(make(args.weights / "query"), make(args.weights / "key"),
                                           make(args.weights / "value"));
  return std::make_unique<Attention>(std::move(qkv), make(args.weights / "output"),
                                     HeadShape{args.n_heads, d_head, d_head}, mask);
}

size_t modules_of(const AttentionArgs& args) {
  return args.params.is_null("sparsity") ? args.n_heads : args.params.size("sparsity");
}

std::unique_ptr<Layer> make_attention(const AttentionArgs& args) {
  args.params.expect_only({});
  return make_dense_attention(args, Mask::none);
}

std::unique_ptr<Layer> make_causal_attention(const AttentionArgs& args) {
  args.params.expect_only({});
  return make_dense_attention(args, Mask::causal);
}

}  // namespace terse
