// A model directory, opened: configuration, weights, tokenizer and the model itself (io/FORMAT.md).
#pragma once

#include <filesystem>
#include <memory>

#include "core/traffic.h"
#include "io/config.h"
#include "io/safetensors.h"
#include "io/tokenizer.h"

namespace terse {

/// Everything that decoding needs. Constant after loading; threads may share it.
struct ModelDirectory {
  std::filesystem::path path;
  ModelConfig config;
  GenerationConfig generation;
  std::unique_ptr<SafetensorsFile> weights;  // the model views them
  WeightTraffic traffic;                     // what one token reads of them
  std::unique_ptr<Tokenizer> tokenizer;      // null: the model takes ids only
  std::unique_ptr<Model> model;

  /// The longest source, its end symbol counted.
  size_t max_source_tokens() const;

  /// The ids of a source text, with the end symbol if the model was trained with one.
  /// Throws InputError when there is no tokenizer.
  std::vector<int32_t> encode_source(std::string_view text) const;

  /// The ids of a target text or a prompt, without an end symbol. Throws InputError when there is
  /// no tokenizer.
  std::vector<int32_t> encode(std::string_view text) const;
};

/// Throws ModelError: a file is absent or damaged, or the weights do not fit the configuration.
ModelDirectory open_model_directory(const std::filesystem::path& path,
                                    Access access = Access::automatic);

}  // namespace terse
