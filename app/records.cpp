#include "app/records.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "app/batch.h"
#include "app/flags.h"
#include "app/signals.h"
#include "core/error.h"
#include "io/jsonl.h"

namespace terse {
namespace {

// Fields of a record that are its input: they are answered and not passed through.
constexpr std::array<std::string_view, 7> kInputFields{
    "id", "text", "ids", "source", "source_ids", "target", "target_ids"};

/// A record without an id, or with null for one, has its line's number.
nlohmann::ordered_json id_of(const nlohmann::json& record, uint64_t line) {
  if (!record.contains("id") || record["id"].is_null()) return line;
  const nlohmann::json& id = record["id"];
  // Beyond this a double holds not every whole number, so the id would come back as another one.
  constexpr double kMostExact = 9007199254740992.0;
  if (id.is_number_float() && std::abs(id.get<double>()) >= kMostExact) {
    throw InputError("\"id\" is a number too large to be kept exactly; give it as a string");
  }
  if (id.is_string() || id.is_number()) return id;
  throw InputError("\"id\" is " + id.dump() + ", expected a string or a number");
}

/// Answers lines of JSON.
class Protocol {
 public:
  Protocol(const BatchOptions& options, const RecordWork& work)
      : keep_fields_(options.keep_fields), work_(work) {}

  void begin(size_t worker, const Task& task, const Deliver& deliver) const {
    nlohmann::json record;
    // What the result starts with, as far as the record can be read.
    nlohmann::ordered_json head{{"id", nullptr}};
    try {
      if (!task.problem.empty()) throw InputError(task.problem);
      record = parse_record({task.text, task.line, 0}, "stdin");
      keep(record, head);
      head["id"] = id_of(record, task.line);
    } catch (const InputError&) {
      return deliver(outcome(std::move(head), task.line, std::current_exception()));
    }
    const std::string key = head["id"].dump();
    work_.begin(
        worker, {record, key},
        [head, line = task.line, deliver](Result<nlohmann::ordered_json> fields) {
          deliver(Result<Outcome>::of([&] { return outcome(head, line, std::move(fields)); }));
        });
  }

  /// Whether an earlier run has answered the line.
  static bool is_finished(FinishedRecords& finished, const Task& task) {
    if (finished.count() == 0) return false;
    nlohmann::ordered_json id;
    try {
      if (task.problem.empty()) id = id_of(parse_record({task.text, task.line, 0}, ""), task.line);
    } catch (const InputError&) {
      // Its result has no id, but the line's number.
    }
    return finished.take(id, task.line);
  }

 private:
  static Outcome outcome(nlohmann::ordered_json result, uint64_t line,
                         Result<nlohmann::ordered_json> fields) {
    try {
      result.update(fields.take());
      return {to_json_line(result), false};
    } catch (const InputError& error) {
      result.update({{"line", line}, {"finish", "error"}, {"error", error.what()}});
      return {to_json_line(result), true};
    }
  }

  void keep(const nlohmann::json& record, nlohmann::ordered_json& result) const {
    if (!keep_fields_ || !record.is_object()) return;
    for (const auto& [name, value] : record.items()) {
      if (std::ranges::find(kInputFields, name) == kInputFields.end()) result[name] = value;
    }
  }

  bool keep_fields_;
  const RecordWork& work_;
};

}  // namespace

void add_batch_options(CLI::App& command, BatchOptions& options) {
  constexpr const char* group = "Batches";
  command
      .add_option("--parallel", options.parallel,
                  "Work on N texts at a time; the results are the same, sooner (default: 1)")
      ->type_name("N")
      ->transform(whole_number(1, 1024))
      ->group(group);
  command
      .add_option("-o,--output", options.results.output,
                  "Write results to this file, which must be new or empty")
      ->type_name("FILE")
      ->group(group);
  command
      .add_option("--resume", options.results.resume,
                  "Write results to this file, and leave out records that have one there already")
      ->type_name("FILE")
      ->group(group);
  command
      .add_flag("--retry-errors", options.results.retry_errors,
                "With --resume: records that failed count as not done")
      ->group(group);
  command
      .add_option("--shard", options.shard,
                  "Only lines I, I+N, I+2N, ... of the input; I from 1 to N")
      ->type_name("I/N")
      ->group(group);
  command
      .add_flag("--unordered", options.unordered,
                "With --parallel: write results as they come, not in the order of the input")
      ->group(group);
  command
      .add_flag("--keep-fields", options.keep_fields,
                "Pass unknown fields of a record on to its result")
      ->group(group);
}

RecordWork at_once(
    std::function<nlohmann::ordered_json(size_t worker, const Record& record)> answer) {
  return {
      [answer = std::move(answer)](size_t worker, const Record& record, const TakeFields& done) {
        done(Result<nlohmann::ordered_json>::of([&] { return answer(worker, record); }));
      },
      [](size_t) {}};
}

int answer_records(const BatchOptions& options, const Schedule& schedule, ResultFile& results,
                   const RecordWork& work) {
  const Shard shard = parse_shard(options.shard);
  LineReader reader(STDIN_FILENO, "stdin", LineReader::kMaxLineBytes, &signalled());
  const Protocol protocol(options, work);
  const auto next = [&](Task& task) {
    while (next_line(reader, shard, task)) {
      if (!Protocol::is_finished(results.finished(), task)) return true;
    }
    return false;
  };
  const BatchCounts counts =
      run_batch({schedule.workers, schedule.places, !options.unordered}, results,
                input_bytes(STDIN_FILENO), next,
                {[&](size_t worker, const Task& task, const Deliver& deliver) {
                   protocol.begin(worker, task, deliver);
                 },
                 work.advance});
  results.close();
  return exit_code_of(counts);
}

std::vector<int32_t> ids_of(const nlohmann::json& record, const std::string& field) {
  const nlohmann::json& list = record.at(field);
  if (!list.is_array()) {
    throw InputError("\"" + field + "\" is " + list.type_name() + ", expected a list of token ids");
  }
  std::vector<int32_t> ids;
  ids.reserve(list.size());
  for (const nlohmann::json& id : list) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > INT32_MAX) {
      throw InputError("\"" + field + "\" holds " + id.dump() + " at place " +
                       std::to_string(ids.size()) + ", expected a token id");
    }
    ids.push_back(int32_t(id.get<uint64_t>()));
  }
  return ids;
}

const std::string& text_of(const nlohmann::json& record, const std::string& field) {
  const nlohmann::json& text = record.at(field);
  if (!text.is_string()) {
    throw InputError("\"" + field + "\" is " + text.type_name() + ", expected a string");
  }
  return text.get_ref<const std::string&>();
}

}  // namespace terse
