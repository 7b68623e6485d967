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

// One row for each (position, module): the length * width * module_in inputs that its output
// depends on.
void LocallyConvDense::gather(const Matrix& padded, size_t begin, size_t n,
                              const Matrix& patches) const {
  const size_t piece = config_.width * module_in();
  float* out = patches.data;
  for (size_t t = begin; t < begin + n; ++t) {
    for (size_t j = 0; j < config_.modules; ++j) {
      for (size_t l = 0; l < config_.length; ++l, out += piece) {
        std::copy_n(padded.row(t + l) + j * module_in(), piece, out);
      }
    }
  }
}

void LocallyConvDense::forward(ConstMatrix x, LayerState* state, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  auto* tail = static_cast<ConvTail*>(state);
  const size_t past = config_.length - 1;
  const size_t margin = (config_.width - 1) / 2 * module_in();

  // The remembered inputs, then the new ones, with a margin of zeros on both sides of the modules.
  const Matrix padded = work.scratch.matrix(past + x.rows, padded_cols());
  std::fill_n(padded.data, padded.rows * padded.cols, 0.0f);
  const Matrix inner = padded.middle_cols(margin, config_.d_in);
  if (tail != nullptr) {
    copy(ConstMatrix(tail->inputs.data(), past, config_.d_in), inner.middle_rows(0, past));
  }
  copy(x, inner.middle_rows(past, x.rows));

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
  if (tail != nullptr) {
    copy(inner.bottom_rows(past), Matrix(tail->inputs.data(), past, config_.d_in));
  }
}

std::unique_ptr<Layer> make_locally_conv_dense(const Weights& weights,
                                               const LocallyConvDense::Config& config) {
  if (config.modules == 1) return std::make_unique<Dense>(weights, config.d_in, config.d_out);
  return std::make_unique<LocallyConvDense>(weights, config);
}

}  // namespace terse
