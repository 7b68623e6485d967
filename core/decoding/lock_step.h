// Several texts decoded side by side, one token of each at a time, so that each weight is read once
// for all of them. When one ends, another can take its place.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "core/decoding/generate.h"
#include "core/models/model.h"

namespace terse {

/// A text to be decoded, and who hears of it. The callbacks are called by add() and step().
struct LockStepText {
  std::vector<int32_t> source = {};  // for a model with an encoder
  std::vector<int32_t> prompt = {};
  GenerateOptions options = {};
  bool scored = false;                // whether log-probabilities are computed; else they are 0
  ScoredTokenCallback on_token = {};  // false stops the text
  /// Called once, when the text's place is free again: it may add() another text. `error`: null, or
  /// what ended the text before it was whole; the others go on. What it throws, step() or add()
  /// throws on.
  std::function<void(const ScoredFinish& finish, std::exception_ptr error)> on_end = {};
};

/// Texts and their tokens are those of generate(), bit for bit, whatever is decoded beside them.
/// Used by one thread.
class LockStep {
 public:
  /// Room for that many texts at a time. The model and the workspace must outlive it.
  LockStep(const Model& model, size_t places, Workspace& work);
  ~LockStep();
  LockStep(const LockStep&) = delete;
  LockStep& operator=(const LockStep&) = delete;

  /// Texts on their way.
  size_t size() const { return texts_.size(); }
  bool has_room() const { return texts_.size() < places_; }

  /// Reads the text's source and prompt by themselves and chooses its first token, with which it
  /// may end already. There must be room.
  void add(LockStepText text);

  /// One more token of each text; at least one must be there. While no text ends, nothing is
  /// allocated, apart from what callbacks do.
  void step();

 private:
  struct Entry;

  Matrix logits_row(size_t i);
  void extend_all();
  void take(size_t i);
  void end(size_t i);

  const Model& model_;
  size_t places_;
  Workspace& work_;
  std::vector<float> logits_;  // [places, vocab]
  std::vector<std::unique_ptr<Entry>> texts_;
  std::vector<SequenceState*> states_;
  std::vector<int32_t> tokens_;
};

}  // namespace terse
