// From activations to the queries, keys and values of attention.
#pragma once

#include <memory>

#include "core/layers/layer.h"

namespace terse {

/// What is done with the queries, keys and values of heads of one position: work(begin, end) for
/// some of `heads`, in ranges of at least `grain` where there are several.
struct HeadLoop {
  size_t heads;
  size_t grain;
  RangeWork work;

  void run(Threads& threads) const {
    threads.for_ranges(heads, grain, [&](size_t begin, size_t end) { work(begin, end); });
  }
};

/// Like a Layer with three outputs; the same rules hold.
class QkvProjection {
 public:
  virtual ~QkvProjection() = default;
  virtual std::unique_ptr<LayerState> new_state(const StateOptions&) const { return nullptr; }
  /// x: [n, d_model]. q, k: [n, heads * d_qk]. v: [n, heads * d_v].
  virtual void forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix q, Matrix k,
                       Matrix v) const = 0;
  /// forward() for one position, and then the loop over its heads: in one with the projection's own
  /// where that makes whole heads, so that what a thread projects it also uses.
  virtual void forward_then(ConstMatrix x, LayerState* state, Workspace& work, Matrix q, Matrix k,
                            Matrix v, const HeadLoop& loop) const;
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
