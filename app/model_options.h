// The options that every command with a model has.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/workspace.h"
#include "io/model_directory.h"

namespace CLI {
class App;
}

namespace terse {

struct ModelOptions {
  std::string model;   // a directory, or the name of a shipped model; empty: the default
  size_t threads = 0;  // 0: as many as the process may use
  bool mmap = false;
};

void add_model_options(CLI::App& command, ModelOptions& options);

/// Opens the model, with a warning for tensors that it does not use. Throws ModelError.
ModelDirectory open_model(const ModelOptions& options);

/// The directory that --model means. Throws ModelError when there is none.
std::filesystem::path find_model(const std::string& model);

/// The configuration of a preset: models/presets/NAME.json. Throws UsageError naming those that
/// there are.
std::filesystem::path find_preset(const std::string& name);

/// One for each of `count` decoders side by side. Where --threads is not given, they share the
/// cores.
std::vector<std::unique_ptr<Workspace>> make_workspaces(const ModelOptions& options, size_t count);

size_t thread_count(const ModelOptions& options);

}  // namespace terse
