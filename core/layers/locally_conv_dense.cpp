#include "core/layers/locally_conv_dense.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "core/layers/dense.h"
#include "core/layers/linear.h"

namespace terse {
namespace {

// Positions whose patches are gathered at once.
constexpr size_t kTile = 16;

// The last length - 1 inputs. Zero before the first position.
struct ConvTail : LayerState {
  explicit ConvTail(size_t n) : inputs(n, 0.0f) {}
  std::unique_ptr<LayerState> clone() const override { return std::make_unique<ConvTail>(*this); }
  size_t bytes() const override { return inputs.size() * sizeof(float); }

  std::vector<float> inputs;  // [length - 1, d_in]
};

}  // namespace

LocallyConvDense::LocallyConvDense(const Weights& weights, const Config& config) : config_(config) {
  if (config.d_in % config.modules != 0 || config.d_out % config.modules != 0) {
    throw ModelError(weights.full_name("kernel") + ": sizes " + std::to_string(config.d_in) +
                     " and " + std::to_string(config.d_out) + " are no multiples of the " +
                     std::to_string(config.modules) + " modules");
  }
  if (config.width % 2 != 1) {
    throw ModelError(weights.full_name("kernel") + ": kernel size " + std::to_string(config.width) +
                     " is not odd");
  }
  kernel_ = weights.matrix("kernel", {module_out(), config.length * config.width * module_in()});
  bias_ = weights.vector("bias", {module_out()}).data();
}

std::unique_ptr<LayerState> LocallyConvDense::new_state(const StateOptions&) const {
  return std::make_unique<ConvTail>((config_.length - 1) * config_.d_in);
}

// For each sequence, the remembered inputs and then its n new ones, with a margin of zeros on both
// sides of the modules.
struct LocallyConvDense::Padded {
  Matrix rows;
  size_t past;
  size_t n;

  // The first of the rows that position i of all (sequence by sequence) depends on.
  size_t first_row(size_t i) const { return i / n * (past + n) + i % n; }
};

LocallyConvDense::Padded LocallyConvDense::pad(ConstMatrix x, LayerStates states,
                                               Scratch& scratch) const {
  const size_t past = config_.length - 1;
  const size_t n = x.rows / states.size();
  const size_t margin = (config_.width - 1) / 2 * module_in();
  const Matrix rows = scratch.matrix(states.size() * (past + n), padded_cols());
  std::fill_n(rows.data, rows.rows * rows.cols, 0.0f);
  for (size_t i = 0; i < states.size(); ++i) {
    const Matrix inner = rows_of_sequence(rows, i, states.size()).middle_cols(margin, config_.d_in);
    copy(rows_of_sequence(x, i, states.size()), inner.bottom_rows(n));
    if (states[i] == nullptr) continue;
    auto& tail = static_cast<ConvTail&>(*states[i]);
    const Matrix remembered(tail.inputs.data(), past, config_.d_in);
    copy(remembered, inner.middle_rows(0, past));
    copy(inner.bottom_rows(past), remembered);
  }
  return {rows, past, n};
}

// One row for each (position, module): the length * width * module_in inputs that its output
// depends on.
void LocallyConvDense::gather(const Padded& padded, size_t begin, size_t n,
                              const Matrix& patches) const {
  const size_t piece = config_.width * module_in();
  float* out = patches.data;
  for (size_t t = begin; t < begin + n; ++t) {
    const size_t first = padded.first_row(t);
    for (size_t j = 0; j < config_.modules; ++j) {
      for (size_t l = 0; l < config_.length; ++l, out += piece) {
        std::copy_n(padded.rows.row(first + l) + j * module_in(), piece, out);
      }
    }
  }
}

void LocallyConvDense::forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const Padded padded = pad(x, states, work.scratch);
  const size_t tile = std::min(kTile, x.rows);
  const Matrix patches = work.scratch.matrix(tile * config_.modules, kernel_.shape[1]);
  const Matrix products = work.scratch.matrix(tile * config_.modules, module_out());
  for (size_t begin = 0; begin < x.rows; begin += tile) {
    const size_t n = std::min(tile, x.rows - begin);
    gather(padded, begin, n, patches);
    linear(patches.middle_rows(0, n * config_.modules), kernel_, bias_, work,
           products.middle_rows(0, n * config_.modules));
    copy(ConstMatrix(products.data, n, config_.d_out), y.middle_rows(begin, n));
  }
}

std::unique_ptr<Layer> make_locally_conv_dense(const Weights& weights,
                                               const LocallyConvDense::Config& config) {
  if (config.modules == 1) return std::make_unique<Dense>(weights, config.d_in, config.d_out);
  return std::make_unique<LocallyConvDense>(weights, config);
}

}  // namespace terse
