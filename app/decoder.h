// From token ids to text: one text after the other, with all that the flags of decoding ask for.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/decoding_options.h"
#include "app/long_source.h"
#include "app/stats.h"
#include "core/workspace.h"
#include "io/model_directory.h"

namespace terse {

/// A text that was decoded.
struct DecodedText {
  std::optional<std::string> text;  // none: the model has no tokenizer
  std::vector<int32_t> ids;
  Finish finish = Finish::eos;
  std::vector<double> logprobs;   // one for each id, if they were asked for
  std::optional<double> logprob;  // of the whole text, its end symbol counted
  std::optional<double> score;    // what a beam search ranked it by
};

struct Decoded {
  std::vector<DecodedText> candidates;  // best first, at least one
  size_t n_pieces = 1;                  // of a source that was split
  DecodingStats stats;
};

/// Gets text as it becomes certain.
using TextCallback = std::function<void(std::string_view)>;

/// Decodes with one workspace, so one text at a time. Several may share a model.
class Decoder {
 public:
  /// All that is referred to must outlive it. Throws UsageError for options that the engine
  /// refuses.
  Decoder(const ModelDirectory& directory, const DecodingOptions& options, Workspace& work);

  /// Decodes what follows `ids`: a source if the model has an encoder, else a prompt. `key` is the
  /// record's own: with the seed it decides all chance. Throws InputError; Interrupted after a
  /// signal.
  Decoded decode(std::span<const int32_t> ids, const std::string& key,
                 const TextCallback& on_text = {});

 private:
  Decoded decode_piece(std::span<const int32_t> source, std::span<const int32_t> prompt,
                       const TextCallback& on_text);
  DecodedText stream(std::span<const int32_t> source, std::span<const int32_t> prompt,
                     const TextCallback& on_text, DecodingStats& stats);
  std::vector<DecodedText> search(std::span<const int32_t> source, std::span<const int32_t> prompt);

  const ModelDirectory& directory_;
  const DecodingOptions& options_;
  Workspace& work_;
  GenerateOptions generate_;
  std::optional<BeamOptions> beams_;
};

}  // namespace terse
