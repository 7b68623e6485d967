// terse score: how probable a model finds given texts.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>
#include <numeric>

#include "app/cache_option.h"
#include "app/command.h"
#include "app/exit_code.h"
#include "app/help.h"
#include "app/model_options.h"
#include "app/records.h"
#include "app/signals.h"
#include "app/text_input.h"
#include "core/decoding/score.h"
#include "core/error.h"

namespace terse {
namespace {

struct ScoreCommandOptions {
  ModelOptions model;
  BatchOptions batch;
  std::string cache = "f32";
  bool jsonl = false;
};

// The ids that a record gives as "NAME_ids", or as text in "NAME".
template <class Encode>
std::vector<int32_t> ids_or_text(const nlohmann::json& record, const std::string& name,
                                 const Encode& encode) {
  const std::string ids = name + "_ids";
  if (record.contains(name) == record.contains(ids)) {
    throw InputError("a record needs either \"" + name + "\" or \"" + ids + "\"");
  }
  return record.contains(ids) ? ids_of(record, ids) : encode(text_of(record, name));
}

std::vector<int32_t> source_of(const ModelDirectory& directory, const nlohmann::json& record) {
  if (!directory.model->traits().has_source) {
    if (record.contains("source") || record.contains("source_ids")) {
      throw InputError("this model is a language model and takes no source");
    }
    return {};
  }
  return ids_or_text(record, "source",
                     [&](const std::string& text) { return directory.encode_source(text); });
}

nlohmann::ordered_json score_record(const ModelDirectory& directory, CacheType cache,
                                    Workspace& work, const nlohmann::json& record) {
  const std::vector<int32_t> source = source_of(directory, record);
  const std::vector<int32_t> target = ids_or_text(record, "target", [&](const std::string& text) {
    // The end symbol is part of what a text costs.
    std::vector<int32_t> ids = directory.encode(text);
    ids.push_back(directory.generation.eos_token_id);
    return ids;
  });
  if (target.empty()) throw InputError("the target is empty");
  const std::vector<double> logprobs =
      score(*directory.model, source, target, {directory.generation.bos_token_id, cache}, work);
  const double nll = -std::accumulate(logprobs.begin(), logprobs.end(), 0.0);
  return {{"logprobs", logprobs},
          {"nll", nll},
          {"perplexity", std::exp(nll / double(logprobs.size()))}};
}

int run(const ScoreCommandOptions& options) {
  ResultFile results(options.batch.results);
  const ModelDirectory directory = open_model(options.model);
  auto workspaces = make_workspaces(options.model, options.batch.parallel);
  const CacheType cache = cache_type_of(options.cache);
  catch_signals();
  const auto score = [&](size_t worker, const Record& record) {
    return score_record(directory, cache, *workspaces[worker], record.fields);
  };
  return answer_records(options.batch, {options.batch.parallel, 1}, results, at_once(score));
}

}  // namespace

void add_score_command(CLI::App& root, Command& selected) {
  CLI::App* command = root.add_subcommand("score", "Log-probabilities of given texts");
  auto options = std::make_shared<ScoreCommandOptions>();
  add_model_options(*command, options->model);
  command
      ->add_flag("--jsonl", options->jsonl,
                 "Records on stdin, {\"id\", \"source\", \"target\"} (or \"source_ids\", "
                 "\"target_ids\") a line; one result a line on stdout")
      ->required();
  add_cache_option(*command, options->cache);
  add_batch_options(*command, options->batch);
  command->footer(
      "A result has the logarithm of each target token's probability, their negated\n"
      "sum and the perplexity. A target given as text ends with the end symbol; given\n"
      "ids are taken as they are.\n"
      "Example:\n"
      "  terse score --jsonl < pairs.jsonl > scores.jsonl");
  command->callback([options, command, &selected] {
    selected = [options, help = terminal_help(*command)] {
      if (!nothing_to_read({})) return run(*options);
      Output(STDERR_FILENO, "stderr").write(help);
      return int(kUsage);
    };
  });
}

}  // namespace terse
