// One text on its way: what it holds so far, and how its next token is chosen. Loops over one text
// or over several in lock-step feed it with logits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/decoding/generate.h"
#include "core/decoding/penalties.h"
#include "core/decoding/sampler.h"
#include "core/models/model.h"

namespace terse {

/// Used by one thread. The model must outlive it.
class Generation {
 public:
  /// Starts a sequence after `source`; throws as Model::start does, and UsageError for options out
  /// of range.
  Generation(const Model& model, std::span<const int32_t> source, std::span<const int32_t> prompt,
             const GenerateOptions& options, Workspace& work);

  SequenceState& state() { return *state_; }
  /// What the sequence is to be extended by: at first the start symbol and the prompt, then the
  /// latest token.
  std::span<const int32_t> unread() const;

  /// Whether the text has as many tokens as there may be: no logits are needed then.
  bool is_full() const { return step_ == max_tokens_; }
  /// The number of tokens so far.
  size_t step() const { return step_; }

  /// Chooses the next token by the model's logits [vocab] after unread(). Throws InputError if they
  /// are not finite. Allocates nothing.
  int32_t choose(std::span<const float> logits);
  bool is_end(int32_t token) const { return token == options_.eos; }
  void append(int32_t token);

 private:
  GenerateOptions options_;
  size_t max_tokens_;
  size_t n_prompt_;              // the start symbol counts
  std::vector<int32_t> tokens_;  // the start symbol, the prompt, what was generated
  size_t step_ = 0;
  Penalties penalties_;
  Sampler sampler_;
  std::unique_ptr<SequenceState> state_;
};

}  // namespace terse
