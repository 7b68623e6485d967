// From token ids to text, with all that the flags of decoding ask for.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/decoding_options.h"
#include "app/long_source.h"
#include "app/result.h"
#include "app/stats.h"
#include "core/decoding/lock_step.h"
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

/// Takes a text, or the InputError or Interrupted that ended it.
using TakeDecoded = std::function<void(Result<Decoded>)>;

/// Decodes with one workspace: one text, or several in lock-step. Several decoders may share a
/// model.
class Decoder {
 public:
  /// Room for `places` texts at a time. All that is referred to must outlive it. Throws UsageError
  /// for options that the engine refuses.
  Decoder(const ModelDirectory& directory, const DecodingOptions& options, size_t places,
          Workspace& work);
  ~Decoder();
  Decoder(Decoder&&) noexcept;

  /// Begins to decode what follows `ids`: a source if the model has an encoder, else a prompt.
  /// `key` is the record's own: with the seed it decides all chance. `done` is called once, here or
  /// in a later advance(). There must be room.
  void begin(std::span<const int32_t> ids, const std::string& key, const TakeDecoded& done,
             const TextCallback& on_text = {});

  /// One more token of each text that was begun.
  void advance();

 private:
  struct Document;

  void begin_piece(const std::shared_ptr<Document>& document);
  bool take_token(Document& document, int32_t token, double logprob) const;
  Decoded finished(Document& document, const ScoredFinish& end) const;
  void take_piece(const std::shared_ptr<Document>& document, Result<Decoded> result);
  Decoded search(const Document& document) const;

  const ModelDirectory& directory_;
  const DecodingOptions& options_;
  Workspace& work_;
  GenerateOptions generate_;
  std::optional<BeamOptions> beams_;
  std::unique_ptr<LockStep> lock_step_;
};

}  // namespace terse
