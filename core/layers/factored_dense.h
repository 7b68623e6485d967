// FactoredDense, the paper's multiplicative layer (section 3.2; Trax: FactoredDense).
#pragma once

#include "core/kernels/weight_view.h"
#include "core/layers/layer.h"
#include "core/weights.h"

namespace terse {

/// y[module, m] = sum_d x[d] gating[module, d] projection[m, d] + bias[module, m]
///
/// The output is split into `modules` parts of d_out / modules. All share one projection; each sees
/// the input through its own gates.
class FactoredDense : public Layer {
 public:
  /// Tensors: gating [modules, d_in], projection [d_out / modules, d_in], bias [d_out] if
  /// `with_bias`.
  FactoredDense(const Weights& weights, size_t modules, size_t d_in, size_t d_out,
                bool with_bias = true);
  /// The same without a bias, with tensors that have other names.
  FactoredDense(size_t modules, const Tensor& gating, const Tensor& projection)
      : modules_(modules), gating_(gating), projection_(projection) {}

  void forward(ConstMatrix x, LayerStates, Workspace& work, Matrix y) const override;
  kernels::ReadList reads_first() const override;

 private:
  void multiply(ConstMatrix x, Workspace& work, Matrix products) const;
  void multiply_one(const float* x, size_t d, Workspace& work, Matrix products) const;
  void multiply_in_bytes(ConstMatrix x, Workspace& work, Matrix products) const;
  void add_bias(Matrix products, size_t begin, size_t end) const;
  void add_bias(Threads& threads, Matrix products) const;
  // Those of row i of the products.
  kernels::WeightView gates(size_t i, size_t d) const {
    return kernels::WeightView(gating_).row(i % modules_, d);
  }

  size_t modules_;
  Tensor gating_;
  Tensor projection_;
  const float* bias_ = nullptr;
};

}  // namespace terse
