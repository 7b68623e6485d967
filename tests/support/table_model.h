// A model whose logits are a plain function of the tokens so far: what tests of decoding need.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/models/model.h"

namespace terse::test {

/// Fills the logits [vocab] of the token after `history`, whose first token is the start symbol.
using LogitsTable = std::function<void(std::span<const int32_t> history, std::span<float> logits)>;

/// Counts how its states are used. `has_source` models accept any source and ignore it.
class TableModel : public Model {
 public:
  TableModel(size_t vocab, LogitsTable table, size_t max_target = SIZE_MAX,
             bool has_source = false);

  std::unique_ptr<SequenceState> start(std::span<const int32_t> source, const StateOptions& options,
                                       Workspace& work) const override;
  void extend(SequenceState& state, std::span<const int32_t> tokens, Workspace& work,
              Matrix logits) const override;
  void extend_all(std::span<SequenceState* const> states, std::span<const int32_t> tokens,
                  Workspace& work, Matrix logits) const override;

  size_t n_clones() const { return n_clones_; }
  size_t n_extends() const { return n_extends_; }

 private:
  class State;
  LogitsTable table_;
  mutable size_t n_clones_ = 0;
  mutable size_t n_extends_ = 0;
};

/// Logits between -3 and 3 that look random and differ for each history and `variant`.
LogitsTable scrambled_logits(uint64_t variant);

/// The same logits at each step.
LogitsTable constant_logits(std::vector<float> logits);

}  // namespace terse::test
