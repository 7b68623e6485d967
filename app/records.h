// The JSON-lines protocol: one record a line in, one result a line out, errors included.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/pipeline.h"
#include "app/result_file.h"
#include "app/schedule.h"

namespace terse {

struct BatchOptions {
  ResultOptions results;
  std::string shard = "1/1";
  size_t parallel = 1;
  bool unordered = false;
  bool keep_fields = false;
};

/// --parallel, --unordered, --output, --resume and what belongs to them.
void add_batch_options(CLI::App& command, BatchOptions& options);

/// A record to be answered.
struct Record {
  const nlohmann::json& fields;
  std::string key;  // its id as JSON text: what makes its chances its own
};

/// Takes the fields of a record's result; InputError in their place means that the record fails.
using TakeFields = std::function<void(Result<nlohmann::ordered_json>)>;

/// What the workers do with a record, which lives during the call only; otherwise as in
/// PipelineSteps.
struct RecordWork {
  std::function<void(size_t worker, const Record& record, const TakeFields& done)> begin;
  std::function<void(size_t worker)> advance;
};

/// Work that is done when begin() returns. `answer` throws InputError when it cannot.
RecordWork at_once(
    std::function<nlohmann::ordered_json(size_t worker, const Record& record)> answer);

/// Answers every line of stdin that belongs to this shard and has no result yet. A result starts
/// with the record's "id" (the line's number where it has none). A record that fails gets {"id",
/// "line", "finish": "error", "error"}, and the others go on. Returns the exit code. Throws
/// InputError when stdin cannot be read, OutputError and ClosedPipe as Output does, Interrupted
/// after a signal.
int answer_records(const BatchOptions& options, const Schedule& schedule, ResultFile& results,
                   const RecordWork& work);

/// Token ids from a record's field. Throws InputError for anything but a list of whole numbers.
std::vector<int32_t> ids_of(const nlohmann::json& record, const std::string& field);

/// A record's text field, which must be a string. Throws InputError.
const std::string& text_of(const nlohmann::json& record, const std::string& field);

}  // namespace terse
