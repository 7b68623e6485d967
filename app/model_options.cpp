#include "app/model_options.h"

#include <sched.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "app/flags.h"
#include "app/signals.h"
#include "core/error.h"

namespace terse {
namespace {

constexpr const char* kDefaultModel = "debian-synopsis";
// One text does not gain from more: its steps are short.
constexpr size_t kMostDefaultThreads = 8;

// Where shipped models stand: beside the build tree, or where `cmake --install` puts them.
std::vector<std::filesystem::path> model_folders() {
  std::error_code ignored;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  const std::filesystem::path folder = program.parent_path();
  return {folder / ".." / ".." / "models", folder / ".." / "share" / "terse" / "models"};
}

}  // namespace

void add_model_options(CLI::App& command, ModelOptions& options) {
  command
      .add_option("-m,--model", options.model,
                  "Model directory, or the name of a shipped model (default: debian-synopsis)")
      ->type_name("DIR");
  command
      .add_option("-t,--threads", options.threads,
                  "Threads for one text (default: the cores that the process may use, at most 8)")
      ->type_name("N")
      ->transform(whole_number(1, 256));
  command.add_flag("--mmap", options.mmap,
                   "Use the weights where the file is mapped: several processes share them, and "
                   "the model starts sooner; but scattered rows come slower than from a copy");
}

std::filesystem::path find_model(const std::string& model) {
  if (!model.empty() && std::filesystem::exists(model)) return model;
  const std::string name = model.empty() ? kDefaultModel : model;
  std::string tried;
  for (const std::filesystem::path& folder : model_folders()) {
    std::error_code error;
    const std::filesystem::path found = std::filesystem::canonical(folder / name, error);
    if (!error) return found;
    tried += (tried.empty() ? "" : ", ") + folder.lexically_normal().string();
  }
  if (model.find('/') != std::string::npos) throw ModelError(model + ": no such model directory");
  throw ModelError("no model '" + name + "' in " + tried + "; give one with --model DIR");
}

std::filesystem::path find_preset(const std::string& name) {
  std::string known;
  for (const std::filesystem::path& folder : model_folders()) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "presets", error)) {
      if (entry.path().extension() != ".json") continue;
      if (entry.path().stem() == name) return entry.path();
      known += (known.empty() ? "" : ", ") + entry.path().stem().string();
    }
  }
  throw UsageError("no preset '" + name + "'; there are: " + known);
}

ModelDirectory open_model(const ModelOptions& options) {
  ModelDirectory directory = open_model_directory(find_model(options.model),
                                                  options.mmap ? Access::map : Access::automatic);
  for (const std::string& name : directory.weights->unused()) {
    spdlog::warn("{}: tensor '{}' is not used by the model", directory.path.string(), name);
  }
  return directory;
}

std::vector<std::unique_ptr<Workspace>> make_workspaces(const ModelOptions& options, size_t count) {
  const SignalsBlocked blocked;
  const size_t all = thread_count(options);
  const size_t threads = options.threads > 0 ? all : std::max<size_t>(all / count, 1);
  std::vector<std::unique_ptr<Workspace>> workspaces;
  for (size_t i = 0; i < count; ++i) workspaces.push_back(std::make_unique<Workspace>(threads));
  return workspaces;
}

size_t thread_count(const ModelOptions& options) {
  if (options.threads > 0) return options.threads;
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return std::clamp<size_t>(size_t(CPU_COUNT(&cores)), 1, kMostDefaultThreads);
}

}  // namespace terse
