#include "core/layers/locally_conv_dense.h"

#include <algorithm>

#include "core/error.h"
#include "core/kernels/quantized_matmul.h"
#include "core/layers/convolve_together.h"
#include "core/layers/dense.h"

namespace terse {

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
  kernel_ = weights.matrix("kernel", {module_out(), config.length * config.width, module_in()},
                           TensorKind::kernel);
  bias_ = weights.vector("bias", {module_out()}).data();
}

std::unique_ptr<LayerState> LocallyConvDense::new_state(const StateOptions&) const {
  return new_conv_tail(reach(), reads_bytes());
}

void LocallyConvDense::forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const ConvInput input(x, states, reach(), reads_bytes(), work);
  const Matrix contiguous = y.stride == y.cols ? y : work.scratch.matrix(y.rows, y.cols);
  const LocallyConvDense* const self = this;
  convolve_together({&self, 1}, input, work, {&contiguous, 1});
  if (contiguous.data != y.data) copy(contiguous, y);
}

void LocallyConvDense::compute(const ConvInput& input, const Part& part,
                               const kernels::ReadList& later, Matrix y) const {
  const size_t output = part.first_panel * kPanel;
  const size_t n = std::min(part.end_panel * kPanel, module_out()) - output;
  const kernels::WeightView w = kernels::WeightView(kernel_).outputs(output, terms());
  if (input.in_bytes()) {
    kernels::quantized_matmul(input.byte_patches(config_.width), part.first_row, part.end_row, w, n,
                              bias_ + output, y.data + output, module_out(), later);
    return;
  }
  for (size_t i = part.first_row / config_.modules; i < part.end_row / config_.modules; ++i) {
    kernels::convolve(input.patches(i, config_.width), w, n, bias_ + output, y.row(i) + output,
                      module_out(), later);
  }
}

std::unique_ptr<Layer> make_locally_conv_dense(const Weights& weights,
                                               const LocallyConvDense::Config& config) {
  if (config.modules == 1) return std::make_unique<Dense>(weights, config.d_in, config.d_out);
  return std::make_unique<LocallyConvDense>(weights, config);
}

}  // namespace terse
