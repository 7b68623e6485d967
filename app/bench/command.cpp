// terse bench: how fast a model reads a source and decodes, beside how fast memory lets it.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/bench/report.h"
#include "app/cache_option.h"
#include "app/command.h"
#include "app/exit_code.h"
#include "app/flags.h"
#include "app/weight_type.h"
#include "core/error.h"
#include "io/output.h"

namespace terse {
namespace {

int run(const BenchOptions& options) {
  if (!options.preset.empty() && !options.model.model.empty()) {
    throw UsageError("--preset and --model (or TERSE_MODEL) exclude each other");
  }
  const std::unique_ptr<Workspace> work = std::move(make_workspaces(options.model, 1).front());
  const BenchModel model = open_bench_model(options, work->threads);
  DecodingTimer timer(model.model(), options, *work);
  timer.read_context();
  Bandwidth bandwidth(model.traffic.bytes_in_order + timer.state_bytes_read(), model.traffic,
                      work->threads);
  // In turns: on a shared machine the bandwidth changes from second to second.
  for (size_t i = 0; i < options.repeat; ++i) {
    bandwidth.sample();
    timer.decode();
  }
  bandwidth.sample();
  const nlohmann::ordered_json json = bench_json(model, options, timer.time(), bandwidth);
  Output output(STDOUT_FILENO, "stdout");
  output.write(options.json ? json.dump() + "\n" : bench_text(json));
  return kOk;
}

void add_type_option(CLI::App& command, const char* name, std::string& value, const char* help,
                     std::span<const DType> types) {
  command.add_option(name, value, help)->type_name("TYPE")->check(CLI::IsMember(names_of(types)));
}

void add_number_option(CLI::App& command, const char* name, size_t& value, const char* help) {
  command.add_option(name, value, help)->type_name("N")->transform(whole_number(1, 1 << 26));
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
  add_type_option(*command, "--type", options->type, "Type of a preset's weights (default: f32)",
                  kWeightTypes);
  add_cache_option(*command, options->cache);
  add_number_option(*command, "--context", options->context,
                    "Source tokens, or prompt tokens of a language model (default: 128)");
  add_number_option(*command, "--tokens", options->tokens,
                    "Tokens to decode behind the context (default: 32)");
  add_number_option(*command, "--repeat", options->repeat,
                    "Times to decode them; medians are over all tokens (default: 5)");
  command->add_flag("--json", options->json, "One JSON object");
  command->footer(
      "limit_ms is the time that reading a token's bytes takes at the bandwidth\n"
      "measured in the same run; share_of_limit is that over the median.\n"
      "Example:\n"
      "  terse bench --preset terraformer-c4-medium --type bf16 --context 1024");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace terse
