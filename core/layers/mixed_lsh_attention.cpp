#include "core/layers/mixed_lsh_attention.h"

namespace terse {
namespace {

struct MixedState : LayerState {
  explicit MixedState(KvCache kv) : cache(std::move(kv)) {}
  std::unique_ptr<LayerState> clone() const override {
    auto copy = std::make_unique<MixedState>(cache);
    copy->lsh = lsh->clone();
    return copy;
  }
  size_t bytes() const override { return cache.bytes() + lsh->bytes(); }

  KvCache cache;
  std::unique_ptr<LayerState> lsh;
};

}  // namespace

MixedLshAttention::MixedLshAttention(const LshConfig& config, std::span<const uint32_t> keys,
                                     size_t std_length)
    : heads_(config.heads), causal_(config.causal), std_length_(std_length), lsh_(config, keys) {}

std::unique_ptr<LayerState> MixedLshAttention::new_state(const StateOptions& options) const {
  if (!causal_) return nullptr;
  auto state = std::make_unique<MixedState>(
      KvCache(heads_.heads, heads_.d_qk, heads_.d_v, options.capacity, options.cache_type));
  state->lsh = lsh_.new_state(options);
  return state;
}

void MixedLshAttention::forward(ConstMatrix qk, ConstMatrix v, LayerState* state, Workspace& work,
                                Matrix y) const {
  auto* own = static_cast<MixedState*>(state);
  if (qk.rows > std_length_) {
    lsh_.forward(qk, v, own != nullptr ? own->lsh.get() : nullptr, work, y);
    return;
  }
  const Mask mask = causal_ ? Mask::causal : Mask::none;
  if (own != nullptr) {
    own->cache.append(qk, v, work.threads);
    dot_product_attention(qk, own->cache, heads_, mask, work, y);
    return;
  }
  KvCache whole(heads_.heads, heads_.d_qk, heads_.d_v, qk.rows);
  whole.append(qk, v, work.threads);
  dot_product_attention(qk, whole, heads_, mask, work, y);
}

}  // namespace terse
