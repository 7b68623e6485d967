#include "app/decoding_options.h"

#include <spdlog/spdlog.h>

#include <limits>
#include <random>

#include "app/cache_option.h"
#include "app/flags.h"
#include "core/error.h"

namespace terse {
namespace {

constexpr size_t kMostTokens = size_t{1} << 26;
constexpr uint64_t kMostSeed = std::numeric_limits<uint64_t>::max();

EarlyStopping early_stopping_of(const std::string& name) {
  if (name == "always") return EarlyStopping::always;
  return name == "never" ? EarlyStopping::never : EarlyStopping::heuristic;
}

uint64_t random_seed() {
  std::random_device device;
  // 32 bits: short enough to be typed again.
  return device();
}

/// Defines flags of one group.
class Flags {
 public:
  Flags(CLI::App& command, const char* group) : command_(command), group_(group) {}

  template <class T>
  CLI::Option* count(const std::string& names, T& value, size_t low, size_t high,
                     const std::string& description) {
    return command_.add_option(names, value, description)
        ->type_name("N")
        ->transform(whole_number(low, high))
        ->group(group_);
  }

  template <class T>
  void real(const std::string& names, T& value, double low, double high,
            const std::string& description) {
    command_.add_option(names, value, description)
        ->type_name("X")
        ->check(number(low, high))
        ->group(group_);
  }

  void word(const std::string& names, std::string& value, const std::vector<std::string>& words,
            const std::string& description) {
    command_.add_option(names, value, description)
        ->type_name("WHEN")
        ->check(CLI::IsMember(words))
        ->group(group_);
  }

 private:
  CLI::App& command_;
  const char* group_;
};

void add_length_options(CLI::App& command, DecodingOptions& options) {
  Flags flags(command, "Length");
  flags.count("-n,--max-tokens", options.max_tokens, 1, kMostTokens,
              "Most tokens of one result (default: the model's)");
  flags.count("--min-tokens", options.min_tokens, 0, kMostTokens,
              "Least tokens of one result, if stop strings allow (default: 0)");
  command
      .add_option("--stop", options.stop,
                  "End the text before this string; may be given several times")
      ->type_name("TEXT")
      ->allow_extra_args(false)
      ->group("Length");
}

void add_choice_options(CLI::App& command, DecodingOptions& options) {
  Flags flags(command, "Choice of tokens");
  flags.real("--temperature", options.temperature, 0, 1e4,
             "0 takes the most probable token each time, 1 draws by the model's probabilities, "
             "more is wilder (default: 0)");
  flags.count("--top-k", options.top_k, 0, kMostTokens,
              "Draw from the K most probable tokens; 0 is off (default: 0)");
  flags.real("--top-p", options.top_p, 0, 1,
             "Draw from the most probable tokens that hold this share together; 1 is off (default: "
             "1)");
  flags.real("--min-p", options.min_p, 0, 1,
             "Draw from tokens with this share of the best one's probability; 0 is off (default: "
             "0)");
  flags.real("--repetition-penalty", options.repetition_penalty, 1e-4, 1e4,
             "Above 1 makes tokens that have occurred less likely (default: 1)");
  flags.count("--no-repeat-ngram", options.no_repeat_ngram, 0, kMostTokens,
              "No N tokens in a row occur twice; 0 is off (default: the model's, else 0)");
  command
      .add_option(
          "--seed", options.seed,
          "Seed of chance; with it, a record's text is always the same. Without it a random "
          "one is taken and told on stderr")
      ->type_name("N")
      ->transform(whole_number(0, kMostSeed))
      ->group("Choice of tokens");
  command
      .add_flag("--logprobs", options.logprobs,
                "With --jsonl: \"logprobs\" of the tokens and \"logprob\", their sum with the end "
                "symbol's")
      ->group("Choice of tokens");
}

void add_beam_options(CLI::App& command, DecodingOptions& options) {
  Flags flags(command, "Beam search");
  flags.count("--beam", options.beam, 0, 1024,
              "Follow the N best beginnings side by side; 0 is off (default: the model's, else 0)");
  flags.real("--length-penalty", options.length_penalty, -100, 100,
             "Texts rank by log-probability / length^X: above 0 favours long ones (default: the "
             "model's, else 1)");
  flags.word("--early-stopping", options.early_stopping, {"always", "heuristic", "never"},
             "End the search when there are enough texts (always), when no better one is in sight "
             "(heuristic), or when none is possible (never) (default: heuristic)");
  flags.count("--n-best", options.n_best, 1, 1024,
              "With --jsonl: the N best texts, at most as many as --beam, as \"candidates\" "
              "(default: 1)");
}

}  // namespace

void add_decoding_options(CLI::App& command, DecodingOptions& options) {
  add_length_options(command, options);
  add_choice_options(command, options);
  add_beam_options(command, options);
  add_cache_option(command, options.cache);
}

void add_long_source_option(CLI::App& command, DecodingOptions& options) {
  command
      .add_option("--long", options.long_source,
                  "A source beyond the model's limit: error refuses it, truncate reads its "
                  "beginning, split reads it in pieces of equal length and joins their summaries "
                  "with spaces (default: error)")
      ->type_name("HOW")
      ->check(CLI::IsMember({"error", "truncate", "split"}))
      ->group("Length");
}

void complete(DecodingOptions& options) {
  const size_t beam = options.beam.value_or(0);
  for (const std::string& stop : options.stop) {
    if (stop.empty()) throw UsageError("--stop: the text is empty");
  }
  if (beam == 0 && options.n_best > 1) {
    throw UsageError("--n-best needs --beam, at least as large");
  }
  if (options.n_best > std::max<size_t>(beam, 1)) {
    throw UsageError("--n-best is larger than --beam");
  }
  if (beam > 0 && options.temperature > 0) {
    throw UsageError("--beam and --temperature exclude each other");
  }
  if (beam > 0 && !options.stop.empty()) {
    throw UsageError("--beam and --stop exclude each other");
  }
  if (beam > 0 && options.logprobs) {
    throw UsageError("--logprobs: with --beam, each candidate has its \"logprob\" anyway");
  }
  if (options.n_best > 1 && options.long_source == "split") {
    throw UsageError("--n-best and --long split exclude each other");
  }
  if (options.temperature > 0 && !options.seed) {
    options.seed = random_seed();
    spdlog::info("seed {}", *options.seed);
  }
}

GenerateOptions generate_options(const DecodingOptions& options, const GenerationConfig& model) {
  GenerateOptions generate;
  generate.max_tokens = options.max_tokens > 0 ? options.max_tokens : model.max_new_tokens;
  generate.bos = model.bos_token_id;
  generate.eos = model.eos_token_id;
  generate.cache_type = cache_type_of(options.cache);
  generate.penalties = {float(options.repetition_penalty),
                        options.no_repeat_ngram.value_or(model.no_repeat_ngram_size),
                        options.min_tokens};
  generate.sampling = {float(options.temperature), options.top_k, options.top_p, options.min_p,
                       options.seed.value_or(0)};
  validate(generate);
  return generate;
}

std::optional<BeamOptions> beam_options(const DecodingOptions& options,
                                        const GenerationConfig& model) {
  const bool excluded = options.temperature > 0 || !options.stop.empty() || options.logprobs;
  const size_t width = options.beam.value_or(excluded ? 0 : model.num_beams);
  if (width == 0) return std::nullopt;
  const BeamOptions beams{width, options.n_best,
                          options.length_penalty.value_or(model.length_penalty),
                          early_stopping_of(options.early_stopping)};
  validate(beams);
  return beams;
}

void tell_unused(const DecodingOptions& options, const GenerationConfig& model) {
  if (options.temperature == 0 && (options.top_k > 0 || options.top_p < 1 || options.min_p > 0)) {
    spdlog::warn("--top-k, --top-p and --min-p have no effect without --temperature");
  }
  if ((options.length_penalty || options.early_stopping != "heuristic") &&
      !beam_options(options, model)) {
    spdlog::warn("--length-penalty and --early-stopping have no effect without --beam");
  }
}

}  // namespace terse
