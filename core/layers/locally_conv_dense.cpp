#include "core/layers/locally_conv_dense.h"

#include <algorithm>

#include "core/error.h"
#include "core/kernels/quantized_matmul.h"
#include "core/layers/apart.h"
#include "core/layers/dense.h"

namespace terse {
namespace {

// A part that is worth waking another thread for, in multiply-adds.
constexpr size_t kWorthSplitting = size_t{1} << 17;
// Rows of a thread that outweigh its reading all weights.
constexpr size_t kRowsEach = 16;

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

void convolve_together(std::span<const LocallyConvDense* const> convolutions,
                       const ConvInput& input, Workspace& work, std::span<const Matrix> outputs) {
  const size_t positions = input.positions();
  const size_t modules = convolutions.front()->reach().modules;
  const size_t rows = positions * modules;
  size_t cost = 0;  // of a position
  size_t panels = 0;
  size_t d_out = 0;
  for (size_t i = 0; i < convolutions.size(); ++i) {
    panels = std::max(panels, convolutions[i]->panels());
    cost += convolutions[i]->panels() * convolutions[i]->panel_cost();
    d_out = std::max(d_out, outputs[i].cols);
  }
  // Straight into the outputs; or into rows of `own` that lie at `apart` times their index, and
  // from there.
  const auto compute = [&](LocallyConvDense::Part part, const kernels::ReadList& later,
                           float* own = nullptr, size_t apart = 1) {
    size_t begin = 0;  // of this convolution's share of all cost
    for (size_t i = 0; i < convolutions.size(); ++i) {
      LocallyConvDense::Part some = part;
      some.end_panel = std::min(part.end_panel, convolutions[i]->panels());
      const size_t end = begin + convolutions[i]->panels() * convolutions[i]->panel_cost();
      if (some.first_panel < some.end_panel) {
        const Matrix& y = outputs[i];
        const size_t first = part.first_row * (y.cols / modules);
        const size_t count = (part.end_row - part.first_row) * (y.cols / modules);
        const Matrix to = own == nullptr ? y : Matrix(own + (apart - 1) * first, positions, y.cols);
        convolutions[i]->compute(input, some, later.part(begin, end, cost), to);
        if (own != nullptr) std::copy_n(to.data + first, count, y.data + first);
      }
      begin = end;
    }
  };
  // Threads share the panels, so that each weight is read by one of them; or the rows, where these
  // are many for a weight or where the panels cannot be shared evenly.
  const bool uneven = panels % work.threads.size() != 0;
  if (positions >= 4 * work.threads.size()) {
    work.threads.for_ranges(positions, kWorthSplitting / cost + 1, [&](size_t begin, size_t end) {
      compute({begin * modules, end * modules, 0, panels}, {});
    });
  } else if (input.in_bytes() && uneven && rows >= kRowsEach * work.threads.size()) {
    // A thread adds to its sums block by block, so they should not lie beside another thread's.
    const size_t apart = spread(rows, d_out / modules * sizeof(float), work.threads);
    const std::span<float> sums = work.scratch.floats(apart * positions * d_out);
    work.threads.for_ranges(
        rows, kWorthSplitting / (cost / modules) + 1, [&](size_t begin, size_t end) {
          compute({begin, end, 0, panels}, work.upcoming.convolutions.part(begin, end, rows),
                  sums.data(), apart);
        });
  } else {
    work.threads.for_ranges(
        panels, kWorthSplitting / (positions * cost / panels) + 1, [&](size_t begin, size_t end) {
          compute({0, rows, begin, end}, work.upcoming.convolutions.part(begin, end, panels));
        });
  }
}

std::unique_ptr<Layer> make_locally_conv_dense(const Weights& weights,
                                               const LocallyConvDense::Config& config) {
  if (config.modules == 1) return std::make_unique<Dense>(weights, config.d_in, config.d_out);
  return std::make_unique<LocallyConvDense>(weights, config);
}

}  // namespace terse
