// terse bench: how fast a model reads a source and decodes, and how much memory that takes.
#include <fmt/core.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/command.h"
#include "app/exit_code.h"
#include "app/flags.h"
#include "app/model_options.h"
#include "core/error.h"
#include "core/kernels/vector.h"
#include "io/output.h"
#include "io/random_weights.h"

namespace terse {
namespace {

using Clock = std::chrono::steady_clock;

struct BenchOptions {
  ModelOptions model;
  std::string preset;
  std::string type = "f32";
  std::string cache = "f32";
  size_t context = 128;
  size_t tokens = 32;
  bool json = false;
};

// A model with the weights that it views: a directory's own, or made up for a preset.
struct BenchModel {
  std::string name;
  std::string type;
  std::unique_ptr<RandomWeights> random;
  std::unique_ptr<ModelDirectory> directory;
  std::unique_ptr<Model> preset;

  const Model& model() const { return directory ? *directory->model : *preset; }
};

BenchModel open_bench_model(const BenchOptions& options) {
  BenchModel opened;
  if (options.preset.empty()) {
    opened.directory = std::make_unique<ModelDirectory>(open_model(options.model));
    opened.name = opened.directory->path.filename();
    opened.type = "as stored";
    return opened;
  }
  const DType type = options.type == "bf16" ? DType::bf16 : DType::f32;
  opened.name = options.preset;
  opened.type = options.type;
  opened.random = std::make_unique<RandomWeights>(type, 1);
  opened.preset = make_model(read_model_config(find_preset(options.preset)), *opened.random);
  return opened;
}

struct Timing {
  double prefill_s;
  std::vector<double> token_ms;
  size_t state_bytes;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// `context` ids, spread over the vocabulary: a source for a model with an encoder, else a prompt.
std::vector<int32_t> made_up_ids(size_t n, size_t vocab) {
  std::vector<int32_t> ids(n);
  for (size_t i = 0; i < n; ++i) ids[i] = int32_t(2 + i * 2654435761u % (vocab - 2));
  return ids;
}

Timing measure(const Model& model, const BenchOptions& options) {
  Workspace work(thread_count(options.model));
  const ModelTraits& traits = model.traits();
  const std::vector<int32_t> context =
      made_up_ids(options.context, traits.has_source ? traits.source_vocab : traits.target_vocab);
  std::vector<float> logits(traits.target_vocab);
  const Matrix last(logits.data(), 1, logits.size());
  StateOptions room;
  // A model with an encoder makes room for its source by itself.
  room.capacity = (traits.has_source ? 0 : options.context) + options.tokens + 2;
  room.cache_type = options.cache == "bf16" ? DType::bf16 : DType::f32;

  Timing timing{};
  const auto start = Clock::now();
  const auto state =
      model.start(traits.has_source ? std::span(context) : std::span<const int32_t>(), room, work);
  std::vector<int32_t> tokens = traits.has_source ? std::vector<int32_t>{0} : context;
  model.extend(*state, tokens, work, last);
  timing.prefill_s = seconds_since(start);
  for (size_t i = 0; i < options.tokens; ++i) {
    tokens.assign(1, int32_t(kernels::argmax(logits.data(), logits.size())));
    const auto begin = Clock::now();
    model.extend(*state, tokens, work, last);
    timing.token_ms.push_back(1e3 * seconds_since(begin));
  }
  timing.state_bytes = state->bytes();
  std::sort(timing.token_ms.begin(), timing.token_ms.end());
  return timing;
}

uint64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return uint64_t(usage.ru_maxrss) * 1024;
}

nlohmann::ordered_json report(const BenchModel& model, const BenchOptions& options,
                              const Timing& timing) {
  const double median = timing.token_ms[timing.token_ms.size() / 2];
  nlohmann::ordered_json json{{"preset", model.name},
                              {"type", model.type},
                              {"cache", options.cache},
                              {"threads", thread_count(options.model)},
                              {"context", options.context}};
  if (model.random) json["params_held"] = model.random->parameters();
  json["weight_bytes"] =
      model.random ? model.random->total_bytes() : model.directory->weights->total_bytes();
  json["ms_per_token"] = {
      {"median", median}, {"min", timing.token_ms.front()}, {"max", timing.token_ms.back()}};
  json["tokens_per_s"] = 1e3 / median;
  json["prefill_s"] = timing.prefill_s;
  json["prefill_tokens_per_s"] = double(options.context) / timing.prefill_s;
  json["state_bytes"] = timing.state_bytes;
  json["peak_memory_bytes"] = peak_memory_bytes();
  return json;
}

std::string text_of(const nlohmann::ordered_json& json) {
  std::string text;
  for (const auto& [key, value] : json.items()) {
    text += fmt::format("{:<22} {}\n", key,
                        value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

int run(const BenchOptions& options) {
  if (!options.preset.empty() && !options.model.model.empty()) {
    throw UsageError("--preset and --model exclude each other");
  }
  const BenchModel model = open_bench_model(options);
  const nlohmann::ordered_json json = report(model, options, measure(model.model(), options));
  Output output(STDOUT_FILENO, "stdout");
  output.write(options.json ? json.dump() + "\n" : text_of(json));
  return kOk;
}

}  // namespace

void add_bench_command(CLI::App& root, Command& selected) {
  CLI::App* command = root.add_subcommand("bench", "Measure speed and memory");
  auto options = std::make_shared<BenchOptions>();
  add_model_options(*command, options->model);
  command
      ->add_option("--preset", options->preset,
                   "An architecture of models/presets, with made-up weights")
      ->type_name("NAME");
  command->add_option("--type", options->type, "Type of a preset's weights (default: f32)")
      ->type_name("TYPE")
      ->check(CLI::IsMember({"f32", "bf16"}));
  command->add_option("--cache", options->cache, "Type of cached keys and values (default: f32)")
      ->type_name("TYPE")
      ->check(CLI::IsMember({"f32", "bf16"}));
  command
      ->add_option("--context", options->context,
                   "Source tokens, or prompt tokens of a language model (default: 128)")
      ->type_name("N")
      ->transform(whole_number(1, 1 << 26));
  command->add_option("--tokens", options->tokens, "Tokens to decode (default: 32)")
      ->type_name("N")
      ->transform(whole_number(1, 1 << 26));
  command->add_flag("--json", options->json, "One JSON object");
  command->footer(
      "Example:\n"
      "  terse bench --preset terraformer-c4-medium --type bf16 --context 1024");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace terse
