#include "core/decoding/score.h"

#include "core/decoding/logits.h"
#include "core/error.h"

namespace terse {

std::vector<double> score(const Model& model, std::span<const int32_t> source,
                          std::span<const int32_t> target, const ScoreOptions& options,
                          Workspace& work) {
  if (target.empty()) return {};
  // The model predicts target[i] after the start symbol and target[0 .. i-1].
  std::vector<int32_t> shifted{options.bos};
  shifted.insert(shifted.end(), target.begin(), target.end() - 1);

  const size_t vocab = model.traits().target_vocab;
  const auto state = model.start(source, {target.size(), options.cache_type, Purpose::score}, work);
  const Scratch::Frame frame(work.scratch);
  const Matrix logits = work.scratch.matrix(target.size(), vocab);
  model.extend(*state, shifted, work, logits);

  std::vector<double> logprobs;
  for (size_t i = 0; i < target.size(); ++i) {
    if (target[i] < 0 || size_t(target[i]) >= vocab) {
      throw InputError("target token " + std::to_string(i) + " has id " +
                       std::to_string(target[i]) + ", outside the model's vocabulary of " +
                       std::to_string(vocab));
    }
    const double total = log_normalizer(logits.row_span(i), i);
    logprobs.push_back(double(logits.row(i)[target[i]]) - total);
  }
  return logprobs;
}

}  // namespace terse
