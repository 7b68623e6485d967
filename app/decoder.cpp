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

/// A text on its way: the pieces of its source, or its prompt, one after the other.
struct Decoder::Document {
  std::span<const int32_t> source() const {
    return has_source ? piece() : std::span<const int32_t>();
  }
  std::span<const int32_t> prompt() const {
    return has_source ? std::span<const int32_t>() : piece();
  }
  std::span<const int32_t> piece() const { return cut.pieces[n_begun - 1]; }

  bool has_source;
  uint64_t record;  // what makes its chances its own
  SourcePieces cut = {};
  TakeDecoded done;
  TextCallback on_text;
  size_t n_begun = 0;
  std::optional<Decoded> whole = {};  // of the pieces that are done

  // Of the piece that is decoded now.
  std::optional<GrowingText> text = {};
  DecodedText result = {};
  DecodingStats stats = {};
  Stopwatch watch = {};
};

Decoder::Decoder(const ModelDirectory& directory, const DecodingOptions& options, size_t places,
                 Workspace& work)
    : directory_(directory),
      options_(options),
      work_(work),
      generate_(generate_options(options, directory.generation)),
      beams_(beam_options(options, directory.generation)),
      lock_step_(std::make_unique<LockStep>(*directory.model, beams_ ? 1 : places, work)) {
  if (!options.stop.empty() && !directory.tokenizer) {
    throw UsageError("--stop: the model in " + directory.path.string() + " has no tokenizer");
  }
}

Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;

void Decoder::begin(std::span<const int32_t> ids, const std::string& key, const TakeDecoded& done,
                    const TextCallback& on_text) {
  const bool has_source = directory_.model->traits().has_source;
  const auto document = std::make_shared<Document>(Document{
      .has_source = has_source, .record = record_key(key), .done = done, .on_text = on_text});
  try {
    if (has_source) {
      const GenerationConfig& config = directory_.generation;
      document->cut = cut_source(
          ids, directory_.max_source_tokens(), long_source_of(options_.long_source),
          config.append_eos_to_source ? std::optional(config.eos_token_id) : std::nullopt);
    } else {
      document->cut.pieces.emplace_back(ids.begin(), ids.end());
    }
  } catch (const InputError&) {
    return done(std::current_exception());
  }
  begin_piece(document);
}

void Decoder::advance() {
  if (lock_step_->size() > 0) lock_step_->step();
}

void Decoder::begin_piece(const std::shared_ptr<Document>& document) {
  ++document->n_begun;
  document->watch = Stopwatch();
  document->stats = {};
  document->result = {};
  if (beams_) {
    Result<Decoded> found = Result<Decoded>::of([&] { return search(*document); });
    return take_piece(document, std::move(found));
  }
  document->text.emplace(directory_.tokenizer.get(), document->prompt(), options_.stop,
                         document->on_text);
  const auto source = document->source();
  const auto prompt = document->prompt();
  LockStepText text{.source = {source.begin(), source.end()},
                    .prompt = {prompt.begin(), prompt.end()},
                    .options = generate_,
                    .scored = options_.logprobs};
  text.options.record = document->record;
  text.on_token = [this, document](int32_t token, double logprob) {
    return take_token(*document, token, logprob);
  };
  text.on_end = [this, document](const ScoredFinish& end, std::exception_ptr error) {
    take_piece(document, error ? Result<Decoded>(error) : finished(*document, end));
  };
  lock_step_->add(std::move(text));
}

bool Decoder::take_token(Document& document, int32_t token, double logprob) const {
  DecodedText& result = document.result;
  if (result.ids.empty()) document.stats.first_token_s = document.watch.seconds();
  result.ids.push_back(token);
  if (options_.logprobs) result.logprobs.push_back(logprob);
  return document.text->push(token) && !signalled();
}

/// The piece that has been decoded.
Decoded Decoder::finished(Document& document, const ScoredFinish& end) const {
  const double all = document.watch.seconds();
  Decoded decoded;
  decoded.stats = document.stats;
  if (document.result.ids.empty()) decoded.stats.first_token_s = all;
  decoded.stats.decode_s = all - decoded.stats.first_token_s;
  DecodedText& result = document.result;
  result.finish = end.finish;
  if (options_.logprobs) result.logprob = end.logprob;
  result.text = document.text->finish();
  decoded.candidates.push_back(std::move(result));
  return decoded;
}

Decoded Decoder::search(const Document& document) const {
  GenerateOptions generate = generate_;
  generate.record = document.record;
  Decoded decoded;
  for (Hypothesis& found : beam_search(*directory_.model, document.source(), document.prompt(),
                                       generate, *beams_, work_)) {
    DecodedText candidate;
    if (directory_.tokenizer) {
      candidate.text = text_after(*directory_.tokenizer, document.prompt(), found.tokens);
    }
    candidate.ids = std::move(found.tokens);
    candidate.finish = found.finish;
    candidate.logprob = found.logprob;
    candidate.score = found.score;
    decoded.candidates.push_back(std::move(candidate));
  }
  decoded.stats.decode_s = document.watch.seconds();
  const std::optional<std::string>& text = decoded.candidates.front().text;
  if (document.on_text && text) document.on_text(*text);
  return decoded;
}

/// Adds a piece to the document, and begins the next one if there is one.
void Decoder::take_piece(const std::shared_ptr<Document>& document, Result<Decoded> result) {
  Decoded piece;
  try {
    throw_if_signalled();
    piece = result.take();
  } catch (...) {
    return document->done(std::current_exception());
  }
  piece.stats.texts = 1;
  piece.stats.tokens_in = document->piece().size();
  piece.stats.tokens_out = piece.candidates.front().ids.size();
  if (document->whole) {
    append(document->whole->candidates.front(), std::move(piece.candidates.front()));
    document->whole->stats += piece.stats;
  } else {
    document->whole = std::move(piece);
  }
  if (document->n_begun < document->cut.pieces.size()) {
    if (document->on_text) document->on_text(" ");
    return begin_piece(document);
  }
  document->whole->n_pieces = document->cut.pieces.size();
  document->whole->stats.dropped_tokens = document->cut.dropped_tokens;
  document->done(std::move(*document->whole));
}

}  // namespace terse
