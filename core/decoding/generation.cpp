#include "core/decoding/generation.h"

#include "core/decoding/limits.h"
#include "core/decoding/logits.h"

namespace terse {
namespace {

const GenerateOptions& validated(const GenerateOptions& options) {
  validate(options);
  return options;
}

}  // namespace

Generation::Generation(const Model& model, std::span<const int32_t> source,
                       std::span<const int32_t> prompt, const GenerateOptions& options,
                       Workspace& work)
    : options_(validated(options)),
      max_tokens_(token_limit(model.traits(), 1 + prompt.size(), options.max_tokens)),
      n_prompt_(1 + prompt.size()),
      penalties_(options.penalties, model.traits().target_vocab, options.eos),
      sampler_(options.sampling, options.record, model.traits().target_vocab) {
  const size_t capacity = reserved_positions(n_prompt_, max_tokens_);
  tokens_.reserve(capacity);
  tokens_.push_back(options.bos);
  tokens_.insert(tokens_.end(), prompt.begin(), prompt.end());
  state_ = model.start(source, {capacity, options.cache_type}, work);
}

std::span<const int32_t> Generation::unread() const {
  const std::span<const int32_t> all(tokens_);
  return step_ == 0 ? all : all.last(1);
}

int32_t Generation::choose(std::span<const float> logits) {
  require_finite(logits, step_);
  const auto history = std::span<const int32_t>(tokens_).subspan(1);
  return sampler_.pick(penalties_.apply(logits, history, step_), step_);
}

void Generation::append(int32_t token) {
  tokens_.push_back(token);
  ++step_;
}

}  // namespace terse
