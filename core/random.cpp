#include "core/random.h"

#include <bit>
#include <cmath>
#include <numbers>
#include <vector>

namespace terse {
namespace {

constexpr int kRotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
constexpr uint32_t kParity = 0x1BD11BDA;

// Uniform in (-1, 1), as JAX makes it: 23 random bits in [1, 2), shifted, and -1 left out.
float symmetric_uniform(uint32_t bits) {
  const float unit = std::bit_cast<float>(bits >> 9 | 0x3f800000u) - 1.0f;
  const float low = std::nextafter(-1.0f, 0.0f);
  return std::max(low, unit * (1.0f - low) + low);
}

// The y with erf(y) = x. Winitzki's closed form is right to three digits; each of Halley's steps
// triples them.
double inverse_erf(double x) {
  if (x == 0.0) return 0.0;
  constexpr double a = 0.147;
  const double log_term = std::log1p(-x * x);
  const double half = 2.0 / (std::numbers::pi * a) + log_term / 2.0;
  double y = std::copysign(std::sqrt(std::sqrt(half * half - log_term / a) - half), x);
  for (int step = 0; step < 2; ++step) {
    const double error = (std::erf(y) - x) / (2.0 * std::numbers::inv_sqrtpi * std::exp(-y * y));
    y -= error / (1.0 + y * error);
  }
  return y;
}

}  // namespace

std::array<uint32_t, 2> threefry2x32(RandomKey key, std::array<uint32_t, 2> counts) {
  const uint32_t schedule[3] = {key[0], key[1], key[0] ^ key[1] ^ kParity};
  uint32_t x = counts[0] + schedule[0];
  uint32_t y = counts[1] + schedule[1];
  for (uint32_t group = 0; group < 5; ++group) {
    for (const int rotation : kRotations[group % 2]) {
      x += y;
      y = std::rotl(y, rotation) ^ x;
    }
    x += schedule[(group + 1) % 3];
    y += schedule[(group + 2) % 3] + group + 1;
  }
  return {x, y};
}

// The counts 0 .. n-1 (and one zero when n is odd) are cut in two halves that run side by side.
void random_bits(RandomKey key, std::span<uint32_t> out) {
  const size_t n = out.size();
  const size_t half = (n + 1) / 2;
  for (size_t i = 0; i < half; ++i) {
    const size_t second = half + i;
    const auto block =
        threefry2x32(key, {uint32_t(i), second < n ? uint32_t(second) : uint32_t{0}});
    out[i] = block[0];
    if (second < n) out[second] = block[1];
  }
}

std::array<RandomKey, 2> split(RandomKey key) {
  std::array<uint32_t, 4> bits;
  random_bits(key, bits);
  return {RandomKey{bits[0], bits[1]}, RandomKey{bits[2], bits[3]}};
}

void random_normal(RandomKey key, std::span<float> out) {
  std::vector<uint32_t> bits(out.size());
  random_bits(key, bits);
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = float(std::numbers::sqrt2 * inverse_erf(symmetric_uniform(bits[i])));
  }
}

}  // namespace terse
