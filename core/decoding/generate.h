// Decoding one text: extends a sequence token by token and hands each one to a callback.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/decoding/penalties.h"
#include "core/decoding/sampler.h"
#include "core/models/model.h"

namespace terse {

/// Why a text ended.
enum class Finish { eos, length, stop };

/// "eos", "length", "stop".
const char* name_of(Finish finish);

/// A token is chosen so: the model's logits, then `penalties`, then `sampling` (each documents its
/// own order).
struct GenerateOptions {
  size_t max_tokens = 128;  // the end symbol counts
  int32_t bos = 0;          // decoding starts from it
  int32_t eos = 1;          // decoding ends at it; it is not handed out
  CacheType cache_type = CacheType::f32;
  PenaltyOptions penalties = {};
  SamplingOptions sampling = {};
  uint64_t record = 0;  // record_key() of the record's id: each record has its own chances
};

/// Throws UsageError for values out of range or at odds with each other, naming them.
void validate(const GenerateOptions& options);

/// Called with each token; returning false stops the text.
using TokenCallback = std::function<bool(int32_t token)>;

/// Decodes after `source` (for a model with an encoder) and `prompt`. Ends with `length` at the
/// model's own limit, too. Throws UsageError as validate() does, InputError as Model does, and for
/// logits that are not finite, naming the step. Between two tokens nothing is allocated.
Finish generate(const Model& model, std::span<const int32_t> source,
                std::span<const int32_t> prompt, const GenerateOptions& options, Workspace& work,
                const TokenCallback& on_token);

/// logprob: natural logarithm of the token's probability under the model itself, before penalties
/// and temperature; what score() gives.
using ScoredTokenCallback = std::function<bool(int32_t token, double logprob)>;

struct ScoredFinish {
  Finish finish;
  double logprob;  // sum over the tokens, the end symbol included
};

/// generate() with log-probabilities. The tokens are the same; each costs one more pass over the
/// logits.
ScoredFinish generate_scored(const Model& model, std::span<const int32_t> source,
                             std::span<const int32_t> prompt, const GenerateOptions& options,
                             Workspace& work, const ScoredTokenCallback& on_token);

}  // namespace terse
