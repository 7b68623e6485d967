// What summarize and continue share: documents, lines or records in, decoded texts out.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/decoding_options.h"
#include "app/records.h"

namespace terse {

struct DecodeCommandOptions {
  ModelOptions model;
  DecodingOptions decoding;
  BatchOptions batch;
  std::vector<std::string> files;
  std::optional<std::string> prompt;  // of continue
  bool jsonl = false;
  bool lines = false;
  bool stats = false;
  bool stats_json = false;
};

/// How the two commands differ.
struct DecodeCommand {
  const char* text_field;  // of a result: "summary"
  bool needs_source;       // whether the model must have an encoder
};

/// Files, the model, and all flags that both commands have. `files_help` describes the files.
void add_decode_command_options(CLI::App& command, DecodeCommandOptions& options,
                                const std::string& files_help);

/// Runs the command; `help` is shown when there is nothing to read. Returns the exit code.
int run_decode_command(DecodeCommandOptions options, const DecodeCommand& command,
                       const std::string& help);

}  // namespace terse
