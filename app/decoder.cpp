#include "app/decoder.h"

#include "app/signals.h"
#include "app/text_stream.h"
#include "core/decoding/random.h"
#include "core/error.h"
#include "io/stop_matcher.h"

namespace terse {
namespace {

/// The text of tokens as they come, up to a stop string. Without a tokenizer there is none.
class GrowingText {
 public:
  GrowingText(const Tokenizer* tokenizer, std::span<const int32_t> prompt,
              const std::vector<std::string>& stops, const TextCallback& on_text)
      : stops_(stops), on_text_(on_text) {
    if (tokenizer != nullptr) stream_.emplace(*tokenizer, prompt);
  }

  /// False when a stop string has come.
  bool push(int32_t token) {
    if (stream_) add(stops_.push(stream_->push(token)));
    return !stops_.stopped();
  }

  std::optional<std::string> finish() {
    if (!stream_) return std::nullopt;
    if (!stops_.stopped()) {
      add(stops_.push(stream_->flush()));
      add(stops_.flush());
    }
    return std::move(text_);
  }

 private:
  void add(std::string_view piece) {
    text_ += piece;
    if (on_text_ && !piece.empty()) on_text_(piece);
  }

  std::optional<TextStream> stream_;
  StopMatcher stops_;
  const TextCallback& on_text_;
  std::string text_;
};

/// Appends the result of a source's next piece.
void append(DecodedText& whole, DecodedText piece) {
  if (whole.text && piece.text) *whole.text += " " + *piece.text;
  whole.ids.insert(whole.ids.end(), piece.ids.begin(), piece.ids.end());
  whole.logprobs.insert(whole.logprobs.end(), piece.logprobs.begin(), piece.logprobs.end());
  if (whole.logprob && piece.logprob) *whole.logprob += *piece.logprob;
  whole.score.reset();
  if (piece.finish != Finish::eos) whole.finish = piece.finish;
}

}  // namespace

Decoder::Decoder(const ModelDirectory& directory, const DecodingOptions& options, Workspace& work)
    : directory_(directory),
      options_(options),
      work_(work),
      generate_(generate_options(options, directory.generation)),
      beams_(beam_options(options)) {
  if (!options.stop.empty() && !directory.tokenizer) {
    throw UsageError("--stop: the model in " + directory.path.string() + " has no tokenizer");
  }
}

Decoded Decoder::decode(std::span<const int32_t> ids, const std::string& key,
                        const TextCallback& on_text) {
  generate_.record = record_key(key);
  if (!directory_.model->traits().has_source) return decode_piece({}, ids, on_text);
  const GenerationConfig& config = directory_.generation;
  const SourcePieces cut =
      cut_source(ids, directory_.max_source_tokens(), long_source_of(options_.long_source),
                 config.append_eos_to_source ? std::optional(config.eos_token_id) : std::nullopt);
  Decoded decoded = decode_piece(cut.pieces.front(), {}, on_text);
  for (size_t i = 1; i < cut.pieces.size(); ++i) {
    if (on_text) on_text(" ");
    Decoded next = decode_piece(cut.pieces[i], {}, on_text);
    append(decoded.candidates.front(), std::move(next.candidates.front()));
    decoded.stats += next.stats;
  }
  decoded.n_pieces = cut.pieces.size();
  decoded.stats.dropped_tokens = cut.dropped_tokens;
  return decoded;
}

Decoded Decoder::decode_piece(std::span<const int32_t> source, std::span<const int32_t> prompt,
                              const TextCallback& on_text) {
  Decoded decoded;
  const Stopwatch watch;
  if (beams_) {
    decoded.candidates = search(source, prompt);
    decoded.stats.decode_s = watch.seconds();
    if (on_text && decoded.candidates.front().text) on_text(*decoded.candidates.front().text);
  } else {
    decoded.candidates.push_back(stream(source, prompt, on_text, decoded.stats));
  }
  throw_if_signalled();
  decoded.stats.texts = 1;
  decoded.stats.tokens_in = source.size() + prompt.size();
  decoded.stats.tokens_out = decoded.candidates.front().ids.size();
  return decoded;
}

DecodedText Decoder::stream(std::span<const int32_t> source, std::span<const int32_t> prompt,
                            const TextCallback& on_text, DecodingStats& stats) {
  DecodedText result;
  GrowingText text(directory_.tokenizer.get(), prompt, options_.stop, on_text);
  const Stopwatch watch;
  const auto take = [&](int32_t token) {
    if (result.ids.empty()) stats.first_token_s = watch.seconds();
    result.ids.push_back(token);
    return text.push(token) && !signalled();
  };
  if (options_.logprobs) {
    const ScoredFinish end = generate_scored(*directory_.model, source, prompt, generate_, work_,
                                             [&](int32_t token, double logprob) {
                                               result.logprobs.push_back(logprob);
                                               return take(token);
                                             });
    result.finish = end.finish;
    result.logprob = end.logprob;
  } else {
    result.finish = generate(*directory_.model, source, prompt, generate_, work_, take);
  }
  const double all = watch.seconds();
  if (result.ids.empty()) stats.first_token_s = all;
  stats.decode_s = all - stats.first_token_s;
  result.text = text.finish();
  return result;
}

std::vector<DecodedText> Decoder::search(std::span<const int32_t> source,
                                         std::span<const int32_t> prompt) {
  std::vector<DecodedText> candidates;
  for (Hypothesis& found :
       beam_search(*directory_.model, source, prompt, generate_, *beams_, work_)) {
    DecodedText candidate;
    if (directory_.tokenizer) {
      candidate.text = text_after(*directory_.tokenizer, prompt, found.tokens);
    }
    candidate.ids = std::move(found.tokens);
    candidate.finish = found.finish;
    candidate.logprob = found.logprob;
    candidate.score = found.score;
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

}  // namespace terse
