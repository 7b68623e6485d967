// What sequences remember in one layer: of one sequence, or of several that advance in lock-step.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/scratch.h"

namespace terse {

/// What one sequence remembers in one layer. Belongs to one sequence; not shared between threads.
class LayerState {
 public:
  virtual ~LayerState() = default;
  /// A deep copy, for a sequence that forks (beam search).
  virtual std::unique_ptr<LayerState> clone() const = 0;
  virtual size_t bytes() const = 0;
  /// Those that computing one more position reads: what there is so far, without the room for more.
  virtual size_t bytes_read() const { return bytes(); }
};

/// A deep copy of a state that may be null.
inline std::unique_ptr<LayerState> clone_of(const std::unique_ptr<LayerState>& state) {
  return state ? state->clone() : nullptr;
}

/// The states of the sequences that one call advances: of a single one (null when the layer
/// remembers nothing), or of several. The rows of the activations are those of the first sequence,
/// then as many of the next one, and so on: n of one text that is read, or one of each text that is
/// decoded in lock-step with others. A view: it owns nothing.
class LayerStates {
 public:
  LayerStates(std::nullptr_t) {}  // NOLINT(google-explicit-constructor): one, stateless
  LayerStates(LayerState* one) : one_(one) {}  // NOLINT(google-explicit-constructor)
  /// At least one, all of the same layer.
  explicit LayerStates(std::span<LayerState* const> many) : many_(many) {}

  size_t size() const { return many_.empty() ? 1 : many_.size(); }
  LayerState* operator[](size_t i) const { return many_.empty() ? one_ : many_[i]; }

  /// part(state) of each state; of a null one, null. part: State& -> LayerState*.
  template <class State, class Part>
  LayerStates parts(Scratch& scratch, const Part& part) const {
    const auto of = [&](LayerState* state) -> LayerState* {
      return state == nullptr ? nullptr : part(static_cast<State&>(*state));
    };
    if (many_.empty()) return of(one_);
    const std::span<LayerState*> found = scratch.pointers<LayerState>(many_.size());
    for (size_t i = 0; i < found.size(); ++i) found[i] = of(many_[i]);
    return LayerStates(found);
  }

 private:
  LayerState* one_ = nullptr;
  std::span<LayerState* const> many_;
};

/// The rows of sequence i out of `count`.
template <class M>
M rows_of_sequence(const M& x, size_t i, size_t count) {
  return x.middle_rows(i * (x.rows / count), x.rows / count);
}

}  // namespace terse
