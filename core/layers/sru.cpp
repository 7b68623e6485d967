#include "core/layers/sru.h"

#include <algorithm>
#include <vector>

#include "core/kernels/sru.h"

namespace terse {
namespace {

struct SruCell : LayerState {
  explicit SruCell(size_t n) : cell(n, 0.0f) {}
  std::unique_ptr<LayerState> clone() const override { return std::make_unique<SruCell>(*this); }
  size_t bytes() const override { return cell.size() * sizeof(float); }

  std::vector<float> cell;  // [n_units]
};

}  // namespace

Sru::Sru(const Weights& weights, size_t n_units)
    : n_units_(n_units), dense_(weights / "dense", n_units, 3 * n_units) {}

std::unique_ptr<LayerState> Sru::new_state(const StateOptions&) const {
  return std::make_unique<SruCell>(n_units_);
}

void Sru::forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const Matrix gates = work.scratch.matrix(x.rows, 3 * n_units_);
  dense_.forward(x, nullptr, work, gates);
  const size_t n_each = x.rows / states.size();
  for (size_t sequence = 0; sequence < states.size(); ++sequence) {
    float* cell = nullptr;
    if (states[sequence] != nullptr) {
      cell = static_cast<SruCell*>(states[sequence])->cell.data();
    } else {
      cell = work.scratch.floats(n_units_).data();
      std::fill_n(cell, n_units_, 0.0f);
    }
    for (size_t i = sequence * n_each; i < (sequence + 1) * n_each; ++i) {
      kernels::sru_step(gates.row(i), x.row(i), n_units_, cell, y.row(i));
    }
  }
}

}  // namespace terse
