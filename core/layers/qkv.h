// From activations to the queries, keys and values of attention.
#pragma once

#include <memory>

#include "core/layers/layer.h"

namespace terse {

/// Like a Layer with three outputs; the same rules hold.
class QkvProjection {
 public:
  virtual ~QkvProjection() = default;
  virtual std::unique_ptr<LayerState> new_state(const StateOptions&) const { return nullptr; }
  /// x: [n, d_model]. q, k: [n, heads * d_qk]. v: [n, heads * d_v].
  virtual void forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix q, Matrix k,
                       Matrix v) const = 0;
  virtual kernels::ReadList reads_first() const { return {}; }
};

/// Three layers of any kind, each on the input. `key` may be null: the keys are the queries then.
class SeparateQkv : public QkvProjection {
 public:
  SeparateQkv(std::unique_ptr<Layer> query, std::unique_ptr<Layer> key,
              std::unique_ptr<Layer> value);

  std::unique_ptr<LayerState> new_state(const StateOptions& options) const override;
  void forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix q, Matrix k,
               Matrix v) const override;
  kernels::ReadList reads_first() const override { return query_->reads_first(); }

 private:
  std::unique_ptr<Layer> query_, key_, value_;
};

}  // namespace terse
