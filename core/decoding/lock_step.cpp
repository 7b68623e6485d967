#include "core/decoding/lock_step.h"

#include <optional>

#include "core/decoding/generation.h"
#include "core/decoding/logits.h"

namespace terse {

/// A text on its way.
struct LockStep::Entry {
  explicit Entry(LockStepText wanted) : text(std::move(wanted)) {}

  /// Takes the next token; the finish, if it was the last one.
  std::optional<Finish> take(std::span<const float> logits);

  LockStepText text;
  std::optional<Generation> generation;
  double logprob = 0;  // sum over the tokens
  std::optional<Finish> finish;
  std::exception_ptr error;

  bool has_ended() const { return finish || error; }
};

std::optional<Finish> LockStep::Entry::take(std::span<const float> logits) {
  const int32_t token = generation->choose(logits);
  double token_logprob = 0;
  if (text.scored) {
    token_logprob = double(logits[size_t(token)]) - log_normalizer(logits, generation->step());
    logprob += token_logprob;
  }
  if (generation->is_end(token)) return Finish::eos;
  if (!text.on_token(token, token_logprob)) return Finish::stop;
  generation->append(token);
  if (generation->is_full()) return Finish::length;
  return std::nullopt;
}

LockStep::LockStep(const Model& model, size_t places, Workspace& work)
    : model_(model), places_(places), work_(work), logits_(places * model.traits().target_vocab) {
  texts_.reserve(places);
  states_.reserve(places);
  tokens_.reserve(places);
}

LockStep::~LockStep() = default;

Matrix LockStep::logits_row(size_t i) {
  const size_t vocab = model_.traits().target_vocab;
  return {logits_.data() + i * vocab, 1, vocab};
}

void LockStep::add(LockStepText text) {
  const size_t i = texts_.size();
  texts_.push_back(std::make_unique<Entry>(std::move(text)));
  Entry& entry = *texts_.back();
  try {
    const LockStepText& wanted = entry.text;
    entry.generation.emplace(model_, wanted.source, wanted.prompt, wanted.options, work_);
    Generation& generation = *entry.generation;
    if (generation.is_full()) {
      entry.finish = Finish::length;
    } else {
      model_.extend(generation.state(), generation.unread(), work_, logits_row(i));
    }
  } catch (...) {
    entry.error = std::current_exception();
  }
  if (!entry.has_ended()) take(i);
  if (entry.has_ended()) end(i);
}

void LockStep::step() {
  extend_all();
  for (size_t i = 0; i < texts_.size(); ++i) take(i);
  // From the last to the first: a text that takes the place of another stands behind all.
  for (size_t i = texts_.size(); i-- > 0;) {
    if (texts_[i]->has_ended()) end(i);
  }
}

void LockStep::extend_all() {
  states_.clear();
  tokens_.clear();
  for (const auto& entry : texts_) {
    states_.push_back(&entry->generation->state());
    tokens_.push_back(entry->generation->unread().front());
  }
  if (texts_.size() == 1) {
    model_.extend(*states_[0], tokens_, work_, logits_row(0));
    return;
  }
  const size_t vocab = model_.traits().target_vocab;
  model_.extend_all(states_, tokens_, work_, Matrix(logits_.data(), texts_.size(), vocab));
}

void LockStep::take(size_t i) {
  Entry& entry = *texts_[i];
  try {
    const Matrix logits = logits_row(i);
    entry.finish = entry.take({logits.data, logits.cols});
  } catch (...) {
    entry.error = std::current_exception();
  }
}

void LockStep::end(size_t i) {
  const std::unique_ptr<Entry> entry = std::move(texts_[i]);
  texts_.erase(texts_.begin() + long(i));
  entry->generation.reset();  // its memory can serve the next text
  entry->text.on_end({entry->finish.value_or(Finish::stop), entry->logprob}, entry->error);
}

}  // namespace terse
