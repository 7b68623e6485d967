#include "tests/support/table_model.h"

#include <algorithm>

#include "core/decoding/random.h"

namespace terse::test {

class TableModel::State : public SequenceState {
 public:
  explicit State(size_t& n_clones) : n_clones_(n_clones) {}
  std::unique_ptr<SequenceState> clone() const override {
    ++n_clones_;
    return std::make_unique<State>(*this);
  }
  size_t bytes() const override { return history.size() * sizeof(int32_t); }
  size_t length() const override { return history.size(); }

  std::vector<int32_t> history;

 private:
  size_t& n_clones_;
};

TableModel::TableModel(size_t vocab, LogitsTable table, size_t max_target, bool has_source)
    : Model({has_source, vocab, vocab, SIZE_MAX, max_target}), table_(std::move(table)) {}

std::unique_ptr<SequenceState> TableModel::start(std::span<const int32_t>, const StateOptions&,
                                                 Workspace&) const {
  return std::make_unique<State>(n_clones_);
}

void TableModel::extend(SequenceState& state, std::span<const int32_t> tokens, Workspace&,
                        Matrix logits) const {
  check_extend(state, tokens);
  ++n_extends_;
  auto& history = static_cast<State&>(state).history;
  for (size_t i = 0; i < tokens.size(); ++i) {
    history.push_back(tokens[i]);
    const size_t left = tokens.size() - i;
    if (left <= logits.rows) table_(history, logits.row_span(logits.rows - left));
  }
}

void TableModel::extend_all(std::span<SequenceState* const> states, std::span<const int32_t> tokens,
                            Workspace& work, Matrix logits) const {
  check_extend_all(states, tokens);
  for (size_t i = 0; i < states.size(); ++i) {
    extend(*states[i], tokens.subspan(i, 1), work, logits.middle_rows(i, 1));
  }
}

LogitsTable scrambled_logits(uint64_t variant) {
  return [variant](std::span<const int32_t> history, std::span<float> logits) {
    uint64_t key = variant;
    for (const int32_t token : history) key = key * 0x100000001b3 + uint64_t(token) + 1;
    for (size_t i = 0; i < logits.size(); ++i) logits[i] = float(6 * uniform(variant, key, i) - 3);
  };
}

LogitsTable constant_logits(std::vector<float> values) {
  return [values = std::move(values)](std::span<const int32_t>, std::span<float> logits) {
    std::copy(values.begin(), values.end(), logits.begin());
  };
}

}  // namespace terse::test
