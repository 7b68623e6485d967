#include "app/decode_command.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>

#include "app/batch.h"
#include "app/decoder.h"
#include "app/exit_code.h"
#include "app/signals.h"
#include "app/text_input.h"
#include "core/error.h"

namespace terse {
namespace {

void check(const DecodeCommandOptions& options) {
  if (options.jsonl && options.lines) {
    throw UsageError("--jsonl and --lines exclude each other");
  }
  if (options.jsonl && !options.files.empty()) {
    throw UsageError("--jsonl reads records from stdin; no file can be named beside it");
  }
  if (options.prompt && (options.jsonl || options.lines || !options.files.empty())) {
    throw UsageError(
        "the prompt is either --prompt or what is read; --prompt excludes files, --lines and "
        "--jsonl");
  }
  if (options.jsonl) return;
  const std::pair<bool, const char*> only_jsonl[] = {
      {!options.batch.results.resume.empty(), "--resume"},
      {options.batch.keep_fields, "--keep-fields"},
      {options.batch.unordered, "--unordered"},
      {options.decoding.n_best > 1, "--n-best"},
      {options.decoding.logprobs, "--logprobs"},
  };
  for (const auto& [given, name] : only_jsonl) {
    if (given) throw UsageError(std::string(name) + " needs --jsonl");
  }
  if (options.batch.shard != "1/1" && !options.lines) {
    throw UsageError("--shard needs --jsonl or --lines");
  }
}

// The line end that files have by habit is no part of a prompt.
std::string without_line_end(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

std::string on_one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

nlohmann::ordered_json text_json(const DecodedText& candidate, const char* text_field) {
  nlohmann::ordered_json fields;
  if (candidate.text) fields[text_field] = *candidate.text;
  fields["ids"] = candidate.ids;
  if (!candidate.logprobs.empty()) fields["logprobs"] = candidate.logprobs;
  if (candidate.score) fields["score"] = *candidate.score;
  if (candidate.logprob) fields["logprob"] = *candidate.logprob;
  fields["finish"] = name_of(candidate.finish);
  return fields;
}

using Ids = std::vector<int32_t>;

class Run {
 public:
  Run(const DecodeCommandOptions& options, const DecodeCommand& command)
      : options_(options),
        command_(command),
        results_(options.batch.results),
        directory_(open_model(options.model)),
        schedule_(schedule(options.batch.parallel, options.model.threads, thread_count({}),
                           beam_options(options.decoding, directory_.generation)
                               ? 0
                               : directory_.weights->total_bytes())),
        workspaces_(make_workspaces(options.model, schedule_.workers)) {
    check_model();
    tell_unused(options_.decoding, directory_.generation);
    decoders_.reserve(workspaces_.size());
    for (const auto& work : workspaces_) {
      decoders_.emplace_back(directory_, options_.decoding, schedule_.places, *work);
    }
    stats_.load_s = watch_.seconds();
    stats_.weight_bytes = directory_.weights->total_bytes();
    stats_.bytes_per_token = directory_.traffic.bytes_touched();
    spdlog::debug("opened {} in {:.2f} s", directory_.path.string(), stats_.load_s);
    catch_signals();
  }

  int run() {
    const int code = options_.jsonl ? records() : options_.lines ? lines() : documents();
    results_.close();
    return code;
  }

  RunStats stats() const {
    RunStats stats = stats_;
    stats.wall_s = watch_.seconds() - stats_.load_s;
    return stats;
  }

 private:
  void check_model() const {
    if (directory_.model->traits().has_source == command_.needs_source) return;
    throw UsageError(directory_.path.string() +
                     (command_.needs_source
                          ? " is a language model; use 'terse continue'"
                          : " is no language model, it reads a source first; use 'terse "
                            "summarize', or another --model"));
  }

  Ids encode(const std::string& text) const {
    return command_.needs_source ? directory_.encode_source(text) : directory_.encode(text);
  }

  /// Begins to decode; `done` gets what comes of it, or the error that is there instead of ids.
  void begin(size_t worker, const Result<Ids>& ids, const std::string& key, const TakeDecoded& done,
             const TextCallback& on_text = {}) {
    if (ids.error()) return done(ids.error());
    decoders_[worker].begin(
        *ids.value(), key,
        [this, done](Result<Decoded> decoded) { done(counted(std::move(decoded))); }, on_text);
  }

  Result<Decoded> counted(Result<Decoded> result) {
    return Result<Decoded>::of([&] {
      Decoded decoded = result.take();
      const std::lock_guard lock(stats_mutex_);
      stats_.decoding += decoded.stats;
      return decoded;
    });
  }

  void advance(size_t worker) { decoders_[worker].advance(); }

  int records() {
    return answer_records(options_.batch, schedule_, results_,
                          {[this](size_t worker, const Record& record, const TakeFields& done) {
                             answer(worker, record, done);
                           },
                           [this](size_t worker) { advance(worker); }});
  }

  void answer(size_t worker, const Record& record, const TakeFields& done) {
    const auto ids = Result<Ids>::of([&] { return ids_of_record(record.fields); });
    if (command_.needs_source && ids.value() && ids.value()->empty()) return done(nothing());
    begin(worker, ids, record.key, [this, done](Result<Decoded> decoded) {
      done(Result<nlohmann::ordered_json>::of([&] { return fields_of(decoded.take()); }));
    });
  }

  /// None for a source without text.
  Ids ids_of_record(const nlohmann::json& fields) const {
    if (fields.contains("text") == fields.contains("ids")) {
      throw InputError("a record needs either \"text\" or \"ids\"");
    }
    if (fields.contains("ids")) return ids_of(fields, "ids");
    const std::string& text = text_of(fields, "text");
    return command_.needs_source && is_blank(text) ? Ids() : encode(text);
  }

  nlohmann::ordered_json fields_of(const Decoded& decoded) const {
    nlohmann::ordered_json result = text_json(decoded.candidates.front(), command_.text_field);
    if (options_.decoding.n_best > 1) {
      for (const DecodedText& candidate : decoded.candidates) {
        result["candidates"].push_back(text_json(candidate, command_.text_field));
      }
    }
    if (decoded.n_pieces > 1) result["pieces"] = decoded.n_pieces;
    if (decoded.stats.dropped_tokens > 0) result["dropped_tokens"] = decoded.stats.dropped_tokens;
    return result;
  }

  /// The result of a source without text: a model would make something up.
  nlohmann::ordered_json nothing() const {
    nlohmann::ordered_json result;
    if (directory_.tokenizer) result[command_.text_field] = "";
    result["ids"] = nlohmann::json::array();
    result["finish"] = name_of(Finish::eos);
    result["status"] = "empty";
    return result;
  }

  PipelineOptions pipeline() const { return {schedule_.workers, schedule_.places, true}; }

  std::vector<std::string> files() const {
    return options_.files.empty() ? std::vector<std::string>{"-"} : options_.files;
  }

  /// One document a line, of all files together. Each has its line of output, an empty one if it is
  /// blank or fails.
  int lines() {
    BatchCounts counts;
    const Shard shard = parse_shard(options_.batch.shard);
    for (const std::string& file : files()) {
      const InputFile input(file);
      LineReader reader(input.fd(), input.name(), LineReader::kMaxLineBytes, &signalled());
      const BatchCounts more =
          run_batch(pipeline(), results_, input_bytes(input.fd()),
                    [&](Task& task) { return next_line(reader, shard, task); },
                    {[&](size_t worker, const Task& task, const Deliver& deliver) {
                       line(worker, task, input.name(), deliver);
                     },
                     [this](size_t worker) { advance(worker); }});
      counts.done += more.done;
      counts.failed += more.failed;
    }
    return exit_code_of(counts);
  }

  void line(size_t worker, const Task& task, const std::string& name, const Deliver& deliver) {
    if (task.problem.empty() && is_blank(task.text) && command_.needs_source) {
      return deliver(Outcome{"", false});
    }
    const std::string where = name + ": line " + std::to_string(task.line);
    const auto ids = Result<Ids>::of([&] {
      if (!task.problem.empty()) throw InputError(task.problem);
      return encode(valid_utf8(task.text, where));
    });
    begin(worker, ids, std::to_string(task.line), [where, deliver](Result<Decoded> decoded) {
      deliver(Result<Outcome>::of([&] { return line_outcome(where, std::move(decoded)); }));
    });
  }

  static Outcome line_outcome(const std::string& where, Result<Decoded> result) {
    try {
      const Decoded decoded = result.take();
      warn_of_dropped(decoded, where);
      return {on_one_line(decoded.candidates.front().text.value_or("")), false};
    } catch (const InputError& error) {
      spdlog::error("{}: {}", where, error.what());
      return {"", true};
    }
  }

  int documents() {
    if (options_.prompt) return prompt();
    const std::vector<std::string> names = files();
    size_t n_given = 0;
    const auto next = [&](Task& task) {
      if (n_given == names.size()) return false;
      task.text = names[n_given++];
      return true;
    };
    const BatchCounts counts =
        run_batch(pipeline(), results_, std::nullopt, next,
                  {[&](size_t worker, const Task& task, const Deliver& deliver) {
                     document(worker, task.text, names.size() == 1, deliver);
                   },
                   [this](size_t worker) { advance(worker); }});
    if (counts.failed == 0) return kOk;
    return counts.failed == names.size() ? kInputUnreadable : kSomeRecordsFailed;
  }

  void document(size_t worker, const std::string& file, bool is_only, const Deliver& deliver) {
    const std::string name = file == "-" ? "stdin" : file;
    const auto finish = [is_only, deliver](const std::function<std::string()>& text) {
      deliver(Result<Outcome>::of([&] {
        try {
          return Outcome{text(), false};
        } catch (const InputError& error) {
          if (is_only) throw;
          spdlog::error(error.what());
          return Outcome{std::nullopt, true};
        }
      }));
    };
    const auto ids = Result<Ids>::of([&] { return encode_document(read_document(file).text); });
    if (ids.error()) {
      return finish([&]() -> std::string { std::rethrow_exception(ids.error()); });
    }
    begin(
        worker, ids, name,
        [this, name, finish](Result<Decoded> decoded) {
          finish([&] { return what_to_write(std::move(decoded), name); });
        },
        streams() ? to_terminal() : TextCallback());
  }

  int prompt() {
    std::optional<Result<Decoded>> result;
    begin(
        0, encode_document(*options_.prompt), "prompt",
        [&](Result<Decoded> decoded) { result = std::move(decoded); },
        streams() ? to_terminal() : TextCallback());
    while (!result) advance(0);
    results_.output().write_line(what_to_write(std::move(*result), "prompt"));
    return kOk;
  }

  Ids encode_document(const std::string& text) const {
    return encode(command_.needs_source ? text : without_line_end(text));
  }

  /// A terminal sees each token as it comes; a pipe or a file gets the line whole.
  bool streams() const { return results_.is_terminal() && options_.batch.parallel == 1; }

  /// What is left of a document's text to be written.
  std::string what_to_write(Result<Decoded> result, const std::string& name) {
    try {
      const Decoded decoded = result.take();
      warn_of_dropped(decoded, name);
      return streams() ? "" : decoded.candidates.front().text.value_or("");
    } catch (const DecodingError& error) {
      throw DecodingError(name + ": " + error.what());
    } catch (const InputError& error) {
      throw InputError(name + ": " + error.what());
    } catch (const Interrupted&) {
      if (streams()) results_.output().write("\n");
      throw;
    }
  }

  TextCallback to_terminal() {
    return [this](std::string_view piece) { results_.output().write(piece); };
  }

  static void warn_of_dropped(const Decoded& decoded, const std::string& name) {
    if (decoded.stats.dropped_tokens == 0) return;
    spdlog::warn("{}: {} tokens at the end were not read", name, decoded.stats.dropped_tokens);
  }

  const DecodeCommandOptions& options_;
  const DecodeCommand& command_;
  Stopwatch watch_;
  ResultFile results_;
  ModelDirectory directory_;
  Schedule schedule_;
  std::vector<std::unique_ptr<Workspace>> workspaces_;
  std::vector<Decoder> decoders_;
  std::mutex stats_mutex_;
  RunStats stats_;
};

void report(const RunStats& stats, const DecodeCommandOptions& options) {
  Output output(STDERR_FILENO, "stderr");
  if (options.stats) output.write(stats_text(stats));
  if (options.stats_json) output.write_line(stats_json(stats).dump());
}

}  // namespace

void add_decode_command_options(CLI::App& command, DecodeCommandOptions& options,
                                const std::string& files_help) {
  command.add_option("files", options.files, files_help)->type_name("FILE");
  add_model_options(command, options.model);
  command.add_flag("--lines", options.lines,
                   "Each line is a text of its own, and gets one line of output");
  command.add_flag("--jsonl", options.jsonl,
                   "Records on stdin, {\"id\", \"text\"} or {\"id\", \"ids\"} a line; one result "
                   "a line on stdout");
  command.add_flag("--stats", options.stats,
                   "Tell on stderr what was decoded, how fast, and in how much memory");
  command.add_flag("--stats-json", options.stats_json, "The same as one JSON object");
  add_decoding_options(command, options.decoding);
  add_batch_options(command, options.batch);
}

int run_decode_command(DecodeCommandOptions options, const DecodeCommand& command,
                       const std::string& help) {
  check(options);
  if (!options.prompt && nothing_to_read(options.files)) {
    Output(STDERR_FILENO, "stderr").write(help);
    return kUsage;
  }
  complete(options.decoding);
  Run run(options, command);
  const int code = run.run();
  report(run.stats(), options);
  return code;
}

}  // namespace terse
