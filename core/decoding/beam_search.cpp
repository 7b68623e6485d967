#include "core/decoding/beam_search.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/decoding/candidates.h"
#include "core/decoding/limits.h"
#include "core/decoding/logits.h"
#include "core/decoding/penalties.h"
#include "core/error.h"

namespace terse {
namespace {

/// A beginning of a text.
struct Beam {
  std::unique_ptr<SequenceState> state;  // has read all tokens but the last
  std::vector<int32_t> tokens;           // the prompt and what was generated
  double logprob = 0;                    // of what was generated, under the model
  double ranked = 0;                     // the same once penalties have been applied
};

/// A beginning with one more token.
struct Continuation {
  size_t beam;
  int32_t token;
  double logprob;
  double ranked;
};

bool ranks_before(const Continuation& a, const Continuation& b) {
  if (a.ranked != b.ranked) return a.ranked > b.ranked;
  return a.token != b.token ? a.token < b.token : a.beam < b.beam;
}

class BeamSearch {
 public:
  BeamSearch(const Model& model, size_t n_prompt, const GenerateOptions& options,
             const BeamOptions& beams, Workspace& work)
      : model_(model),
        options_(options),
        width_(beams.width),
        max_tokens_(token_limit(model.traits(), 1 + n_prompt, options.max_tokens)),
        n_prompt_(n_prompt),
        work_(work),
        penalties_(options.penalties, model.traits().target_vocab, options.eos),
        vocab_(model.traits().target_vocab),
        logits_(beams.width * vocab_),
        hypotheses_(beams.width, beams.length_penalty, beams.early_stopping) {}

  std::vector<Hypothesis> run(std::span<const int32_t> source, std::span<const int32_t> prompt,
                              size_t n_best) {
    if (max_tokens_ == 0) return {{{}, Finish::length, 0, 0}};
    begin(source, prompt);
    for (size_t step = 0; step < max_tokens_; ++step) {
      extend_beams(step);
      finish_some(step);
      if (continuations_.empty() ||
          hypotheses_.complete(continuations_.front().ranked, step + 1, max_tokens_)) {
        return hypotheses_.take_best(n_best);
      }
      if (step + 1 == max_tokens_) {
        finish_all();
      } else {
        advance();
      }
    }
    return hypotheses_.take_best(n_best);
  }

 private:
  void begin(std::span<const int32_t> source, std::span<const int32_t> prompt) {
    const size_t capacity = reserved_positions(1 + n_prompt_, max_tokens_);
    Beam first;
    first.state = model_.start(source, {capacity, options_.cache_type}, work_);
    first.tokens.assign(prompt.begin(), prompt.end());
    beams_.push_back(std::move(first));
  }

  /// Reads each beam's last token (at first: all) and collects the best continuations, twice as
  /// many as there is room for: half of them may be ends. They are ordered.
  void extend_beams(size_t step) {
    continuations_.clear();
    if (step == 0) {
      read_prompt();
    } else {
      read_last_tokens();
    }
    for (size_t i = 0; i < beams_.size(); ++i) collect(i, step);
    std::sort(continuations_.begin(), continuations_.end(), ranks_before);
    continuations_.resize(std::min(continuations_.size(), 2 * width_));
  }

  void read_prompt() {
    std::vector<int32_t> tokens{options_.bos};
    tokens.insert(tokens.end(), beams_[0].tokens.begin(), beams_[0].tokens.end());
    model_.extend(*beams_[0].state, tokens, work_, Matrix(logits_.data(), 1, vocab_));
  }

  /// In lock-step: each weight is read once for all beams.
  void read_last_tokens() {
    std::vector<SequenceState*> states;
    std::vector<int32_t> tokens;
    for (const Beam& beam : beams_) {
      states.push_back(beam.state.get());
      tokens.push_back(beam.tokens.back());
    }
    model_.extend_all(states, tokens, work_, Matrix(logits_.data(), beams_.size(), vocab_));
  }

  void collect(size_t index, size_t step) {
    const Beam& beam = beams_[index];
    const std::span<const float> logits(logits_.data() + index * vocab_, vocab_);
    require_finite(logits, step);
    const double normalizer = log_normalizer(logits, step);
    const auto scores = penalties_.apply(logits, beam.tokens, step);
    const double scores_normalizer =
        scores.data() == logits.data() ? normalizer : log_normalizer(scores, step);
    gather(scores, candidates_);
    keep_top_k(candidates_, 2 * width_);
    for (const auto& [token, score, weight] : candidates_) {
      const double logprob = double(logits[size_t(token)]) - normalizer;
      continuations_.push_back({index, token, beam.logprob + logprob,
                                beam.ranked + (double(score) - scores_normalizer)});
    }
  }

  /// Takes the ends out of the continuations, and leaves as many others as there may be beams.
  void finish_some(size_t step) {
    std::vector<Continuation> others;
    for (size_t rank = 0; rank < continuations_.size() && others.size() < width_; ++rank) {
      const Continuation& next = continuations_[rank];
      if (next.token != options_.eos) {
        others.push_back(next);
      } else if (rank < width_) {
        hypotheses_.add(generated(beams_[next.beam]), Finish::eos, next.logprob, next.ranked,
                        step + 1);
      }
    }
    continuations_ = std::move(others);
  }

  /// The continuations become the beams. A beam gives its state to its last continuation.
  void advance() {
    std::vector<size_t> n_uses(beams_.size());
    for (const Continuation& next : continuations_) ++n_uses[next.beam];
    std::vector<Beam> grown;
    for (const Continuation& next : continuations_) {
      Beam& from = beams_[next.beam];
      const bool is_last_use = --n_uses[next.beam] == 0;
      Beam beam;
      beam.state = is_last_use ? std::move(from.state) : from.state->clone();
      beam.tokens = is_last_use ? std::move(from.tokens) : from.tokens;
      beam.tokens.push_back(next.token);
      beam.logprob = next.logprob;
      beam.ranked = next.ranked;
      grown.push_back(std::move(beam));
    }
    beams_ = std::move(grown);
  }

  void finish_all() {
    for (const Continuation& next : continuations_) {
      std::vector<int32_t> tokens = generated(beams_[next.beam]);
      tokens.push_back(next.token);
      hypotheses_.add(std::move(tokens), Finish::length, next.logprob, next.ranked, max_tokens_);
    }
  }

  std::vector<int32_t> generated(const Beam& beam) const {
    return {beam.tokens.begin() + long(n_prompt_), beam.tokens.end()};
  }

  const Model& model_;
  const GenerateOptions& options_;
  const size_t width_;
  const size_t max_tokens_;
  const size_t n_prompt_;
  Workspace& work_;
  Penalties penalties_;
  const size_t vocab_;
  std::vector<float> logits_;  // [width, vocab], a row for each beam
  std::vector<Candidate> candidates_;
  std::vector<Beam> beams_;  // at most width_, the best first
  std::vector<Continuation> continuations_;
  Hypotheses hypotheses_;
};

}  // namespace

void validate(const BeamOptions& options) {
  if (options.width == 0) throw UsageError("the beam width is 0, expected at least 1");
  if (options.n_best == 0 || options.n_best > options.width) {
    throw UsageError(std::to_string(options.n_best) + " best texts are asked of a beam of width " +
                     std::to_string(options.width) + ", expected 1 to " +
                     std::to_string(options.width));
  }
  if (!std::isfinite(options.length_penalty)) {
    throw UsageError("length penalty is " + std::to_string(options.length_penalty) +
                     ", expected a finite number");
  }
}

std::vector<Hypothesis> beam_search(const Model& model, std::span<const int32_t> source,
                                    std::span<const int32_t> prompt, const GenerateOptions& options,
                                    const BeamOptions& beams, Workspace& work) {
  validate(options);
  validate(beams);
  if (options.sampling.temperature > 0) {
    throw UsageError("beam search does not sample: expected a temperature of 0, found " +
                     std::to_string(options.sampling.temperature));
  }
  return BeamSearch(model, prompt.size(), options, beams, work).run(source, prompt, beams.n_best);
}

}  // namespace terse
