#include "core/models/model.h"

#include "core/error.h"

namespace terse {
namespace {

void check_ids(std::span<const int32_t> ids, size_t vocab, const char* what) {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || size_t(ids[i]) >= vocab) {
      throw InputError(std::string(what) + " token " + std::to_string(i) + " has id " +
                       std::to_string(ids[i]) + ", outside the model's vocabulary of " +
                       std::to_string(vocab));
    }
  }
}

}  // namespace

std::span<const int32_t> Model::checked_source(std::span<const int32_t> source) const {
  if (!traits_.has_source) {
    if (!source.empty()) throw InputError("this model is a language model and takes no source");
    return source;
  }
  while (!source.empty() && source.back() == 0) source = source.first(source.size() - 1);
  if (source.empty()) throw InputError("the source is empty");
  if (source.size() > traits_.max_source) {
    throw InputError("the source has " + std::to_string(source.size()) +
                     " tokens, the model's limit is " + std::to_string(traits_.max_source));
  }
  check_ids(source, traits_.source_vocab, "source");
  return source;
}

void Model::check_extend(const SequenceState& state, std::span<const int32_t> tokens) const {
  if (state.length() + tokens.size() > traits_.max_target) {
    throw InputError("the text has " + std::to_string(state.length() + tokens.size()) +
                     " tokens with its start symbol, the model's limit is " +
                     std::to_string(traits_.max_target));
  }
  check_ids(tokens, traits_.target_vocab, "target");
}

void Model::check_extend_all(std::span<SequenceState* const> states,
                             std::span<const int32_t> tokens) const {
  for (size_t i = 0; i < states.size(); ++i) check_extend(*states[i], tokens.subspan(i, 1));
}

}  // namespace terse
