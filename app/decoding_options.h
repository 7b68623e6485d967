// The flags of decoding, the same for summarize and continue.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/model_options.h"
#include "core/decoding/beam_search.h"
#include "core/decoding/generate.h"

namespace terse {

struct DecodingOptions {
  size_t max_tokens = 0;  // 0: the model's default
  size_t min_tokens = 0;
  double temperature = 0;
  size_t top_k = 0;
  double top_p = 1;
  double min_p = 0;
  double repetition_penalty = 1;
  std::optional<size_t> no_repeat_ngram;  // absent: the model's default, as for the next two
  std::optional<uint64_t> seed;
  std::optional<size_t> beam;  // 0: no beam search
  std::optional<double> length_penalty;
  std::string early_stopping = "heuristic";
  size_t n_best = 1;
  std::vector<std::string> stop;
  std::string cache = "f32";
  bool logprobs = false;
  std::string long_source = "error";  // of summarize
};

void add_decoding_options(CLI::App& command, DecodingOptions& options);
/// --long
void add_long_source_option(CLI::App& command, DecodingOptions& options);

/// Gives sampling without a seed a random one, and tells it. Throws UsageError for options that do
/// not fit together.
void complete(DecodingOptions& options);

/// What the engine is to be told; each text adds its own record key.
GenerateOptions generate_options(const DecodingOptions& options, const GenerationConfig& model);
/// The model's own beams count only where nothing is asked for that excludes them.
std::optional<BeamOptions> beam_options(const DecodingOptions& options,
                                        const GenerationConfig& model);

/// Warns of flags that change nothing.
void tell_unused(const DecodingOptions& options, const GenerationConfig& model);

}  // namespace terse
