// A stack of reversible layers over two streams (paper, section 3.4; Trax: ReversibleSerial,
// ReversibleHalfResidual).
#pragma once

#include <memory>
#include <string_view>
#include <variant>
#include <vector>

#include "core/layers/layer.h"

namespace terse {

/// The two streams, [n, d] each. Before push_concatenate() layers, rows stand far enough apart for
/// the widest stream (a stride of d * 2^layers).
struct Streams {
  Matrix first;
  Matrix second;

  Streams bottom_rows(size_t count) const {
    return {first.bottom_rows(count), second.bottom_rows(count)};
  }
};

/// y = (first + second) / 2. y: [n, d].
void average(const Streams& streams, Matrix y);
/// y = first, second side by side. y: [n, 2 d].
void concatenate(const Streams& streams, Matrix y);

class ReversibleStack {
 public:
  /// `name` is what a Probe is told: "encoder", "decoder".
  explicit ReversibleStack(std::string_view name) : name_(name) {}

  /// first += layer(second), then, unless told otherwise, the streams change places.
  void push_half_residual(std::unique_ptr<Layer> layer, bool swap = true);
  /// Both streams become layer((first + second) / 2): the blocks before it cannot be reversed past
  /// it.
  void push_forget(std::unique_ptr<Layer> layer);

  /// Both streams become [first, second], twice as wide (Trax: ReversibleConcatenatePair).
  void push_concatenate();

  /// A StateList with a part for each step.
  std::unique_ptr<LayerState> new_state(const StateOptions& options) const;

  /// Runs n new positions through the layers. Works in the given buffers and returns them, perhaps
  /// swapped, perhaps wider.
  Streams forward(Streams streams, LayerStates states, Workspace& work) const;

 private:
  struct HalfResidual {
    std::unique_ptr<Layer> layer;
    bool swap;
  };
  struct Forget {
    std::unique_ptr<Layer> layer;
  };
  struct Concatenate {};
  using Step = std::variant<HalfResidual, Forget, Concatenate>;

  std::string_view name_;
  std::vector<Step> steps_;
  std::vector<kernels::ReadList> reads_;  // what the layer of each reads first
};

/// A reversible stack as a layer: both streams start as x and are joined at the end.
class ReversibleLayer : public Layer {
 public:
  /// Every layer is a half-residual, and the streams change places after it. `name` as above;
  /// `join` is average (y: [n, d]) or concatenate (y: [n, 2 d]).
  ReversibleLayer(std::string_view name, std::vector<std::unique_ptr<Layer>> layers,
                  void (*join)(const Streams&, Matrix));

  std::unique_ptr<LayerState> new_state(const StateOptions& options) const override;
  void forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const override;

 private:
  ReversibleStack stack_;
  void (*join_)(const Streams&, Matrix);
};

}  // namespace terse
