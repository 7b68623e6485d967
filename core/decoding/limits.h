// How far a text can go, and how much room that takes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/models/model.h"

namespace terse {

/// Tokens that can follow n_prompt positions (the start symbol counts): at most `max_tokens`.
inline size_t token_limit(const ModelTraits& traits, size_t n_prompt, size_t max_tokens) {
  const size_t room = traits.max_target - std::min(traits.max_target, n_prompt);
  // The last token is handed out without being read again, hence one more than there are positions.
  return std::min(max_tokens, room == SIZE_MAX ? room : room + 1);
}

/// Positions to make room for at once. A very long text grows from there.
inline size_t reserved_positions(size_t n_prompt, size_t max_tokens) {
  return n_prompt + std::min<size_t>(max_tokens, size_t{1} << 16);
}

}  // namespace terse
