#include "core/layers/locally_connected_dense.h"

#include "core/error.h"
#include "core/layers/dense.h"
#include "core/layers/linear.h"

namespace terse {
namespace {

void check(const Weights& weights, const LocallyConnectedDense::Config& config) {
  if (config.modules == 0 || config.d_in % config.modules != 0 ||
      config.d_out % config.modules != 0) {
    throw ModelError(weights.full_name("weight") + ": sizes " + std::to_string(config.d_in) +
                     " and " + std::to_string(config.d_out) + " are no multiples of the " +
                     std::to_string(config.modules) + " modules");
  }
  if (config.width % 2 != 1) {
    throw ModelError(weights.full_name("weight") + ": kernel size " + std::to_string(config.width) +
                     " is not odd");
  }
}

}  // namespace

LocallyConnectedDense::LocallyConnectedDense(const Weights& weights, const Config& config)
    : config_(config) {
  check(weights, config);
  weight_ = weights.matrix("weight", {config.modules, module_out(), config.width * module_in()});
  bias_ = weights.vector("bias", {config.modules, module_out()}).data();
}

LocallyConnectedDense::LocallyConnectedDense(const Config& config, const Tensor& weight,
                                             const float* bias)
    : config_(config), weight_(weight), bias_(bias) {}

void LocallyConnectedDense::forward(ConstMatrix x, LayerStates, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const size_t modules = config_.modules;
  const size_t width = config_.width;
  const size_t seen = width * module_in();
  const Matrix neighbours = width == 1 ? Matrix() : work.scratch.matrix(x.rows, seen);
  for (size_t m = 0; m < modules; ++m) {
    for (size_t k = 0; width > 1 && k < width; ++k) {
      // modules * width keeps the difference positive; a kernel may reach around the ring twice.
      const size_t from = (m + modules * width + k - width / 2) % modules;
      copy(x.middle_cols(from * module_in(), module_in()),
           neighbours.middle_cols(k * module_in(), module_in()));
    }
    const ConstMatrix input =
        width == 1 ? x.middle_cols(m * module_in(), module_in()) : ConstMatrix(neighbours);
    linear(input, kernels::WeightView(weight_).matrix(m, module_out(), seen),
           bias_ + m * module_out(), work, y.middle_cols(m * module_out(), module_out()));
  }
}

std::unique_ptr<Layer> make_locally_connected_dense(const Weights& weights,
                                                    const LocallyConnectedDense::Config& config) {
  if (config.modules == 1) return std::make_unique<Dense>(weights, config.d_in, config.d_out);
  return std::make_unique<LocallyConnectedDense>(weights, config);
}

}  // namespace terse
