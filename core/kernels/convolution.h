// The convolution over (length, modules) of LocallyConvDense, at one position.
#pragma once

#include <cstddef>

#include "core/kernels/read_ahead.h"
#include "core/kernels/weight_view.h"

namespace terse::kernels {

/// What the modules of one position see: module j's patch is `taps` runs of `width` floats, run l
/// at first + l * tap_stride + j * module.
struct Patches {
  const float* first;
  size_t modules;
  size_t module;  // floats from one module to the next
  size_t taps;
  size_t tap_stride;
  size_t width;
};

/// y[j, o] = bias[o] + sum_{l, i} patch_j[l, i] * w[o, l * width + i]    for j < modules, o < n
///
/// w: [n, taps * width], f32 or bf16; it may start at any output. y: [modules, n], rows y_stride
/// apart. Every output is summed in the same order whatever n is. Asks for `later` meanwhile, where
/// there are modules enough.
void convolve(const Patches& x, WeightView w, size_t n, const float* bias, float* y,
              size_t y_stride, const ReadList& later = {});

}  // namespace terse::kernels
