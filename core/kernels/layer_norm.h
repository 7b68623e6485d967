// Layer normalisation of one vector (Trax: LayerNorm, epsilon 1e-6 inside the root), as a whole or
// in parts that threads may share.
#pragma once

#include <cstddef>
#include <span>

namespace terse::kernels {

/// With center: y = (x - mean) / sqrt(mean((x - mean)^2) + 1e-6) * scale + bias.
/// Without (RMS normalisation): y = x / sqrt(mean(x^2) + 1e-6) * scale; bias is not read.
/// A long vector gives the same bits as its parts do, one after the other.
void layer_norm(const float* x, size_t n, const float* scale, const float* bias, bool center,
                float* y);

/// Values of a part; the last one of a vector may have fewer.
constexpr size_t kNormPart = 512;
constexpr size_t norm_parts(size_t n) {
  return (n + kNormPart - 1) / kNormPart;
}

/// What the mean and the deviation of a vector are made of, for one part.
struct Moments {
  float mean;     // 0 without center
  float squares;  // sum of the squared differences from it
};
Moments moments_of(const float* x, size_t n, bool center);

/// What a vector is normalised by.
struct Norm {
  float mean;
  float factor;
};
/// parts: those of a vector of n values, in order.
Norm norm_of(std::span<const Moments> parts, size_t n);

/// y = (x - mean) * factor * scale + bias, or without the bias if that is null.
void normalise(const float* x, size_t n, const Norm& norm, const float* scale, const float* bias,
               float* y);

}  // namespace terse::kernels
