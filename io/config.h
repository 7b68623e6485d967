// config.json and generation_config.json as plain values (io/FORMAT.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/models/model.h"

namespace terse {

/// Defaults of decoding that a model brings along.
struct GenerationConfig {
  int32_t bos_token_id = 0;
  int32_t eos_token_id = 1;
  size_t max_new_tokens = 128;
  std::optional<size_t> max_source_tokens;  // absent: the model's own limit
  bool append_eos_to_source = false;
  size_t n_reserved_ids = 0;
  size_t num_beams = 0;  // no beam search
  double length_penalty = 1;
  size_t no_repeat_ngram_size = 0;  // off
};

/// Throws ModelError for a file that is absent, damaged, or of another layout.
ModelConfig read_model_config(const std::filesystem::path& path);

/// All keys are optional, and so is the file. Throws ModelError for a key or a value that is not
/// known.
GenerationConfig read_generation_config(const std::filesystem::path& path);

/// Named arguments from a JSON object; {"layer", "params"} objects become layers. `where` names the
/// owner in messages.
Params params_from_json(const std::string& where, const nlohmann::json& object);

}  // namespace terse
