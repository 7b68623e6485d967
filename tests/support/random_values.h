// Activations for tests: the same ones each time.
#pragma once

#include <cstddef>
#include <random>
#include <vector>

namespace terse {

/// n values of a normal distribution.
inline std::vector<float> random_values(size_t n) {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& value : values) value = normal(generator);
  return values;
}

}  // namespace terse
