#include "core/layers/multiplicative_modular_dense.h"

#include "core/error.h"

namespace terse {
namespace {

size_t module_size(const Weights& weights, size_t modules, size_t d) {
  if (modules == 0 || d % modules != 0) {
    throw ModelError(weights.full_name("modular") + ": size " + std::to_string(d) +
                     " is no multiple of the " + std::to_string(modules) + " modules");
  }
  return d / modules;
}

FactoredDense make_multiplicative(const Weights& weights, size_t modules, size_t d) {
  const size_t m = module_size(weights, modules, d);
  return {modules, weights.matrix("multiplier", {modules, d}, TensorKind::gates),
          weights.matrix("projection", {m, d})};
}

LocallyConnectedDense make_modular(const Weights& weights, size_t modules, size_t d) {
  const size_t m = module_size(weights, modules, d);
  return {LocallyConnectedDense::Config{modules, d, d}, weights.matrix("modular", {modules, m, m}),
          weights.vector("bias", {d}).data()};
}

}  // namespace

MultiplicativeModularDense::MultiplicativeModularDense(const Weights& weights, size_t modules,
                                                       size_t d)
    : multiplicative_(make_multiplicative(weights, modules, d)),
      modular_(make_modular(weights, modules, d)) {}

void MultiplicativeModularDense::forward(ConstMatrix x, LayerStates, Workspace& work,
                                         Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const Matrix products = work.scratch.matrix(x.rows, x.cols);
  multiplicative_.forward(x, nullptr, work, products);
  modular_.forward(products, nullptr, work, y);
}

}  // namespace terse
