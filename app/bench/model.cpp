#include "app/bench/model.h"

#include <fmt/core.h>

#include <chrono>

#include "app/weight_type.h"
#include "core/error.h"

namespace terse {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<TensorUse> uses_of(const ModelConfig& config, const WeightSource& weights) {
  const RecordedWeights recorded(weights);
  make_model(config, recorded);
  return recorded.uses();
}

void check_memory(const BenchOptions& options, uint64_t bytes) {
  const uint64_t available = available_memory();
  if (available == 0 || bytes <= available) return;
  throw ModelError(
      fmt::format("{} at {} has {:.1f} GB of weights, and {:.1f} GB of memory are available; give "
                  "a smaller --type",
                  options.preset, options.type, 1e-9 * double(bytes), 1e-9 * double(available)));
}

void make_up_weights(const BenchOptions& options, Threads& threads, BenchModel& opened) {
  const ModelConfig config = read_model_config(find_preset(options.preset));
  const DType type = type_named(options.type);
  const std::vector<TensorUse> uses = uses_of(config, ShapesOnly(type));
  opened.traffic = weight_traffic(uses);
  check_memory(options, opened.traffic.bytes_held);
  opened.name = options.preset;
  opened.type = options.type;
  opened.random =
      std::make_unique<RandomWeights>(type, 1, opened.traffic.bytes_held, uses.size(), threads);
  opened.preset = make_model(config, *opened.random);
}

// The type that most of the weights have.
std::string main_type(std::span<const TensorUse> uses) {
  std::map<DType, uint64_t> parameters;
  for (const TensorUse& use : uses) parameters[use.dtype] += use.parameters();
  const auto most =
      std::max_element(parameters.begin(), parameters.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == parameters.end() ? "none" : name_of(most->first);
}

void open_directory(const BenchOptions& options, BenchModel& opened) {
  opened.directory = std::make_unique<ModelDirectory>(open_model(options.model));
  const std::vector<TensorUse> uses = uses_of(opened.directory->config, *opened.directory->weights);
  opened.traffic = weight_traffic(uses);
  opened.name = opened.directory->path.filename();
  opened.type = main_type(uses);
}

}  // namespace

BenchModel open_bench_model(const BenchOptions& options, Threads& threads) {
  BenchModel opened;
  const auto start = Clock::now();
  if (options.preset.empty()) {
    open_directory(options, opened);
  } else {
    make_up_weights(options, threads, opened);
  }
  opened.load_s = std::chrono::duration<double>(Clock::now() - start).count();
  return opened;
}

}  // namespace terse
