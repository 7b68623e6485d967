#include "core/decoding/generate.h"

#include <string>

#include "core/decoding/lock_step.h"
#include "core/error.h"

namespace terse {
namespace {

ScoredFinish decode(const Model& model, LockStepText text, Workspace& work) {
  ScoredFinish finish{};
  std::exception_ptr error;
  text.on_end = [&](const ScoredFinish& end, std::exception_ptr failure) {
    finish = end;
    error = std::move(failure);
  };
  LockStep lock_step(model, 1, work);
  lock_step.add(std::move(text));
  while (lock_step.size() > 0) lock_step.step();
  if (error) std::rethrow_exception(error);
  return finish;
}

LockStepText text_of(std::span<const int32_t> source, std::span<const int32_t> prompt,
                     const GenerateOptions& options) {
  return {.source = {source.begin(), source.end()},
          .prompt = {prompt.begin(), prompt.end()},
          .options = options};
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
  LockStepText text = text_of(source, prompt, options);
  text.on_token = [&](int32_t token, double) { return on_token(token); };
  return decode(model, std::move(text), work).finish;
}

ScoredFinish generate_scored(const Model& model, std::span<const int32_t> source,
                             std::span<const int32_t> prompt, const GenerateOptions& options,
                             Workspace& work, const ScoredTokenCallback& on_token) {
  LockStepText text = text_of(source, prompt, options);
  text.scored = true;
  text.on_token = on_token;
  return decode(model, std::move(text), work);
}

}  // namespace terse
