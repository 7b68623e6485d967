// What every layer is: n new positions in, n positions out, on top of what the sequence remembers.
#pragma once

#include <cstddef>
#include <memory>

#include "core/cache_type.h"
#include "core/layers/layer_states.h"
#include "core/matrix.h"
#include "core/workspace.h"

namespace terse {

/// What a sequence is for. Trax's memory-efficient attention computes one thing in eval mode, over
/// a whole text at once, and another in predict mode, token after token; other layers do not care.
enum class Purpose { decode, score };

/// How much a new state should make room for, how it stores keys and values, and what it serves.
struct StateOptions {
  size_t capacity = 0;  // positions; more still work, but make the state grow
  CacheType cache_type = CacheType::f32;
  Purpose purpose = Purpose::decode;
};

/// A function of activations with constant weights, which it views and does not own. Immutable
/// after construction, so sequences on several threads may share it.
class Layer {
 public:
  virtual ~Layer() = default;

  /// The state of a sequence that is about to start; null for a layer that remembers nothing.
  virtual std::unique_ptr<LayerState> new_state(const StateOptions&) const { return nullptr; }

  /// x: [n, d_in], the next positions: n of one sequence, or n / states.size() of each. y: [n,
  /// d_out], overwritten; may not overlap x. `states` are what new_state() gave, advanced here. The
  /// bits of a sequence do not depend on what advances beside it. A layer that looks at all
  /// positions at once (an encoder's attention) remembers nothing and expects one whole sequence in
  /// one call.
  virtual void forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const = 0;

  /// What forward() reads first, whatever its input: a hint for the layer before it, which may ask
  /// for it. Layers that are not worth it name nothing.
  virtual kernels::ReadList reads_first() const { return {}; }
};

}  // namespace terse
