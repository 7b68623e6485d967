// terse model: look at a model directory.
#include <fmt/core.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/command.h"
#include "app/exit_code.h"
#include "app/model_check.h"
#include "app/model_options.h"
#include "app/weight_type.h"
#include "core/error.h"
#include "io/json.h"
#include "io/output.h"
#include "io/quantize_model.h"

namespace terse {
namespace {

nlohmann::ordered_json limit_json(size_t limit) {
  return limit == SIZE_MAX ? nlohmann::ordered_json() : nlohmann::ordered_json(limit);
}

/// All that is told of a model, in the order in which people read it.
nlohmann::ordered_json info_json(const ModelDirectory& directory) {
  const ModelTraits& traits = directory.model->traits();
  uint64_t n_parameters = 0;
  auto types = nlohmann::ordered_json::object();
  auto tensors = nlohmann::ordered_json::array();
  directory.weights->for_each([&](const std::string& name, const Tensor& tensor, const auto*) {
    const std::string type = name_of(tensor.dtype);
    n_parameters += tensor.size();
    types[type] = types.value(type, uint64_t{0}) + tensor.size();
    tensors.push_back({{"name", name}, {"type", type}, {"shape", tensor.shape}});
  });
  nlohmann::ordered_json info{{"directory", directory.path.string()},
                              {"model", directory.config.model},
                              {"parameters", n_parameters},
                              {"parameters_by_type", types},
                              {"parameters_touched", directory.traffic.params_touched()},
                              {"bytes", directory.weights->total_bytes()},
                              {"bytes_per_token", directory.traffic.bytes_touched()}};
  if (traits.has_source) {
    info["source_vocab"] = traits.source_vocab;
    info["max_source_tokens"] = limit_json(directory.max_source_tokens());
  }
  info["target_vocab"] = traits.target_vocab;
  info["max_target_tokens"] = limit_json(traits.max_target);
  info["tokenizer_pieces"] =
      limit_json(directory.tokenizer ? directory.tokenizer->size() : SIZE_MAX);
  info["metadata"] = directory.weights->metadata();
  info["args"] = read_json_file(directory.path / "config.json")["args"];
  info["tensors"] = tensors;
  return info;
}

std::string value_text(const nlohmann::ordered_json& value) {
  if (value.is_null()) return "none";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string info_text(const nlohmann::ordered_json& info) {
  std::string text;
  for (const auto& [key, value] : info.items()) {
    if (key == "tensors") {
      text += fmt::format("{:<20} {}\n", key, value.size());
      for (const auto& tensor : value) {
        text +=
            fmt::format("  {:<52} {:<5} {}\n", tensor["name"].get<std::string>(),
                        tensor["type"].get<std::string>(), to_string(tensor["shape"].get<Shape>()));
      }
    } else if (value.is_object()) {
      text += key + "\n";
      for (const auto& [name, inner] : value.items()) {
        text += fmt::format("  {:<34} {}\n", name, value_text(inner));
      }
    } else {
      text += fmt::format("{:<20} {}\n", key, value_text(value));
    }
  }
  return text;
}

struct ModelCommandOptions {
  ModelOptions model;
  bool json = false;
  std::string out;
  std::string type = "int8";
};

int run_info(const ModelCommandOptions& options) {
  const nlohmann::ordered_json info = info_json(open_model(options.model));
  Output(STDOUT_FILENO, "stdout").write(options.json ? info.dump() + "\n" : info_text(info));
  return kOk;
}

int run_check(const ModelCommandOptions& options) {
  const ModelDirectory directory = open_model(options.model);
  directory.weights->verify();
  const std::vector<std::string> damaged = tensors_with_non_finite_values(*directory.weights);
  for (const std::string& line : damaged) spdlog::error(line);
  if (!damaged.empty()) return kModelUnusable;
  const auto& metadata = directory.weights->metadata();
  const auto digest = metadata.find("data_sha256");
  Output(STDOUT_FILENO, "stdout")
      .write_line(fmt::format(
          "{}: {} tensors, {} bytes, {}, all values finite", directory.path.string(),
          directory.weights->tensor_count(), directory.weights->total_bytes(),
          digest == metadata.end() ? "no digest to compare with" : "SHA-256 " + digest->second));
  return kOk;
}

int run_quantize(const ModelCommandOptions& options) {
  const bool shown = isatty(STDERR_FILENO) != 0;
  Threads threads(thread_count(options.model));
  quantize_model(find_model(options.model.model), options.out, type_named(options.type), threads,
                 [&](size_t done, size_t all) {
                   if (shown) fmt::print(stderr, "\r{} of {} tensors\033[K", done, all);
                 });
  if (shown) fmt::print(stderr, "\r\033[K");
  return kOk;
}

CLI::App* add_leaf(CLI::App& parent, const char* name, const char* description,
                   ModelCommandOptions& options) {
  CLI::App* command = parent.add_subcommand(name, description);
  command
      ->add_option("-m,--model,dir", options.model.model,
                   "Model directory, or the name of a shipped model (default: debian-synopsis)")
      ->type_name("DIR");
  return command;
}

}  // namespace

void add_model_command(CLI::App& root, Command& selected) {
  CLI::App* command = root.add_subcommand("model", "Look at a model directory");
  command->require_subcommand(1);
  command->footer(
      "Examples:\n"
      "  terse model info my-model\n"
      "  terse model check my-model");
  auto options = std::make_shared<ModelCommandOptions>();
  CLI::App* info = add_leaf(*command, "info", "Architecture, sizes and tensors", *options);
  info->add_flag("--json", options->json, "One JSON object");
  info->footer("Example:\n  terse model info --json debian-synopsis | jq .parameters");
  info->callback([options, &selected] { selected = [options] { return run_info(*options); }; });
  CLI::App* check = add_leaf(*command, "check", "Look for damage: digest, sizes, NaN", *options);
  check->footer(
      "Exit code 0: the model is sound. 3: it is not, and stderr says where.\n"
      "Example:\n"
      "  terse model check my-model");
  CLI::App* quantize = command->add_subcommand("quantize", "Make a smaller model of a model");
  quantize
      ->add_option("-m,--model,in", options->model.model,
                   "Model directory with f32 or bf16 weights")
      ->type_name("IN")
      ->required();
  quantize->add_option("-o,--output,out", options->out, "The new model directory")
      ->type_name("OUT")
      ->required();
  quantize
      ->add_option("--type", options->type,
                   "Type of the matrices: int8, int4, bf16 or f32 (default: int8)")
      ->type_name("TYPE");
  quantize->footer(
      "With int4, tables and controllers keep 8 bits.\n"
      "Example:\n"
      "  terse model quantize my-model my-model-int8 --type int8");
  quantize->callback(
      [options, &selected] { selected = [options] { return run_quantize(*options); }; });
  check->callback([options, &selected] { selected = [options] { return run_check(*options); }; });
}

}  // namespace terse
