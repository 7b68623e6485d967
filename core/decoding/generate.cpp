#include "core/decoding/generate.h"

#include <string>

#include "core/decoding/limits.h"
#include "core/decoding/logits.h"
#include "core/error.h"

namespace terse {
namespace {

// on_token(token, logits): whether to go on; it sees the end symbol, too.
template <class OnToken>
Finish decode(const Model& model, std::span<const int32_t> source, std::span<const int32_t> prompt,
              const GenerateOptions& options, Workspace& work, OnToken&& on_token) {
  validate(options);
  const size_t n_prompt = 1 + prompt.size();
  const size_t vocab = model.traits().target_vocab;
  const size_t max_tokens = token_limit(model.traits(), n_prompt, options.max_tokens);
  const size_t capacity = reserved_positions(n_prompt, max_tokens);

  std::vector<int32_t> tokens;  // the start symbol, the prompt, what was generated
  tokens.reserve(capacity);
  tokens.push_back(options.bos);
  tokens.insert(tokens.end(), prompt.begin(), prompt.end());
  std::vector<float> logits(vocab);
  Penalties penalties(options.penalties, vocab, options.eos);
  Sampler sampler(options.sampling, options.record, vocab);
  const auto state = model.start(source, {capacity, options.cache_type}, work);

  std::span<const int32_t> unread = tokens;
  for (size_t step = 0; step < max_tokens; ++step) {
    model.extend(*state, unread, work, Matrix(logits.data(), 1, vocab));
    require_finite(logits, step);
    const auto history = std::span<const int32_t>(tokens).subspan(1);
    const int32_t token = sampler.pick(penalties.apply(logits, history, step), step);
    const bool go_on = on_token(token, logits);
    if (token == options.eos) return Finish::eos;
    if (!go_on) return Finish::stop;
    tokens.push_back(token);
    unread = std::span<const int32_t>(tokens).last(1);
  }
  return Finish::length;
}

}  // namespace

const char* name_of(Finish finish) {
  switch (finish) {
    case Finish::eos:
      return "eos";
    case Finish::length:
      return "length";
    case Finish::stop:
      return "stop";
  }
  return "unknown";
}

void validate(const GenerateOptions& options) {
  validate(options.penalties);
  validate(options.sampling);
  if (options.penalties.min_tokens > options.max_tokens) {
    throw UsageError("the minimum of " + std::to_string(options.penalties.min_tokens) +
                     " tokens is above the maximum of " + std::to_string(options.max_tokens));
  }
}

Finish generate(const Model& model, std::span<const int32_t> source,
                std::span<const int32_t> prompt, const GenerateOptions& options, Workspace& work,
                const TokenCallback& on_token) {
  return decode(model, source, prompt, options, work, [&](int32_t token, std::span<const float>) {
    return token == options.eos || on_token(token);
  });
}

ScoredFinish generate_scored(const Model& model, std::span<const int32_t> source,
                             std::span<const int32_t> prompt, const GenerateOptions& options,
                             Workspace& work, const ScoredTokenCallback& on_token) {
  double sum = 0;
  size_t step = 0;
  const Finish finish = decode(
      model, source, prompt, options, work, [&](int32_t token, std::span<const float> logits) {
        const double logprob = double(logits[size_t(token)]) - log_normalizer(logits, step++);
        sum += logprob;
        return token == options.eos || on_token(token, logprob);
      });
  return {finish, sum};
}

}  // namespace terse
