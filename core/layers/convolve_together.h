// Several convolutions over (length, modules) of one input, shared by the threads in one loop.
#pragma once

#include <span>

#include "core/layers/locally_conv_dense.h"

namespace terse {

/// Several convolutions of one input at once: outputs[i] = convolutions[i]->forward(x). All have
/// the modules and the length of `input`.
void convolve_together(std::span<const LocallyConvDense* const> convolutions,
                       const ConvInput& input, Workspace& work, std::span<const Matrix> outputs);

/// Whether the threads should share the modules of one position, with convolve_modules(): it has
/// every thread read all weights, for which it spares what comes next a loop of its own.
bool shares_modules(const ConvInput& input, size_t modules, const Threads& threads);

/// convolve_together() for one position in bytes, whose outputs of some modules a thread passes on:
/// then(begin, end) is called behind these modules. `grain`: modules whose `then` alone is worth
/// another thread.
void convolve_modules(std::span<const LocallyConvDense* const> convolutions, const ConvInput& input,
                      Workspace& work, std::span<const Matrix> outputs, size_t grain,
                      const RangeWork& then);

}  // namespace terse
