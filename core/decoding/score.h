// How probable a model finds a given text.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/models/model.h"

namespace terse {

struct ScoreOptions {
  int32_t bos = 0;
  CacheType cache_type = CacheType::f32;
};

/// Natural logarithms of the probability of each target token given those before it (and the
/// source). Throws InputError as Model does, and for logits that are not finite.
std::vector<double> score(const Model& model, std::span<const int32_t> source,
                          std::span<const int32_t> target, const ScoreOptions& options,
                          Workspace& work);

}  // namespace terse
