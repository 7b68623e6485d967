// Lets a test or a tool watch what passes through a model.
#pragma once

#include <functional>
#include <string_view>

#include "core/matrix.h"

namespace terse {

/// Functions that a forward pass calls where they are set. They see activations that live only
/// during the call.
struct Probe {
  /// After step `index` of a stack of layers ("encoder", "decoder"): both streams of a reversible
  /// stack; the same view twice for a plain residual one.
  std::function<void(std::string_view stack, size_t index, ConstMatrix first, ConstMatrix second)>
      after_step;
};

}  // namespace terse
