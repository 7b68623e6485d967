// Beam search: follows the most probable beginnings of a text side by side.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/decoding/generate.h"
#include "core/decoding/hypotheses.h"
#include "core/models/model.h"

namespace terse {

struct BeamOptions {
  size_t width = 4;   // texts that are followed at a time
  size_t n_best = 1;  // texts that are wanted, at most `width`
  double length_penalty = 1;
  EarlyStopping early_stopping = EarlyStopping::heuristic;
};

/// Throws UsageError for a value out of range, naming it.
void validate(const BeamOptions& options);

/// The best texts after `source` and `prompt`, best first; fewer than n_best only if there are not
/// more. Texts are ranked by their log-probability over length^length_penalty, under the model's
/// distribution once the penalties have been applied and it has been normalised again; without
/// penalties that is the model's own. Each step keeps the `width` best beginnings; of equal ones
/// the lower token goes first, then the beginning that ranked higher before. An end symbol
/// counts only among the `width` best continuations. Width 1 finds what generate() finds, unless
/// early stopping is `never`. Throws as generate() does, and UsageError for a temperature above 0.
std::vector<Hypothesis> beam_search(const Model& model, std::span<const int32_t> source,
                                    std::span<const int32_t> prompt, const GenerateOptions& options,
                                    const BeamOptions& beams, Workspace& work);

}  // namespace terse
