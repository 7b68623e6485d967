// What the tests of the kernels share: random arrays that end where the memory ends, both types of
// weights, and every instruction set of this machine.
#pragma once

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/kernels/isa.h"
#include "core/kernels/reference.h"
#include "core/kernels/weight_view.h"

namespace terse::kernels {

/// Half a unit in the last place of 1: the relative error of one rounding.
constexpr double kRounding = std::numeric_limits<float>::epsilon() / 2;

/// n values from a normal distribution. The vector is exactly as long as that, so that
/// AddressSanitizer sees a read beyond the end.
inline std::vector<float> random_floats(size_t n, uint32_t seed, float deviation = 1.0f) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0f, deviation);
  std::vector<float> values(n);
  for (float& value : values) value = normal(generator);
  return values;
}

/// Owns weights in one of the types that kernels read.
class TestWeights {
 public:
  TestWeights(const std::vector<float>& values, DType dtype) : dtype_(dtype), f32_(values) {
    for (float value : values) {
      bf16_.push_back(static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16));
    }
    bf16_.shrink_to_fit();
  }

  operator WeightView() const {  // NOLINT(google-explicit-constructor): stands for its view
    if (dtype_ == DType::f32) return f32_.data();
    return {reinterpret_cast<const std::byte*>(bf16_.data()), DType::bf16};
  }

 private:
  DType dtype_;
  std::vector<float> f32_;
  std::vector<uint16_t> bf16_;
};

/// n small integers: sums of their products are exact in float, whatever the order.
inline std::vector<float> random_integers(size_t n, uint32_t seed, int limit = 4) {
  std::mt19937 generator(seed);
  std::uniform_int_distribution<int> uniform(-limit, limit);
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(uniform(generator));
  return values;
}

inline std::vector<float> absolute(std::vector<float> values) {
  for (float& value : values) value = std::abs(value);
  return values;
}

/// What the reference sees of the weights: bfloat16 is rounded already.
inline std::vector<float> values_of(WeightView w, size_t n) {
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = reference::value_at(w, i);
  return values;
}

/// Restores the instruction set at the end of a scope, also when a test fails inside.
class KeptIsa {
 public:
  KeptIsa() : name_(isa_name()) {}
  ~KeptIsa() { force_isa(name_); }
  KeptIsa(const KeptIsa&) = delete;
  KeptIsa& operator=(const KeptIsa&) = delete;

 private:
  std::string name_;
};

/// Calls test(dtype) for each instruction set and both types of weights.
template <class Test>
void for_each_isa_and_type(Test&& test) {
  const KeptIsa kept;
  for (const std::string& isa : supported_isas()) {
    force_isa(isa);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      INFO(isa << ", " << name_of(dtype));
      test(dtype);
    }
  }
}

/// Calls test() for each instruction set.
template <class Test>
void for_each_isa(Test&& test) {
  const KeptIsa kept;
  for (const std::string& isa : supported_isas()) {
    force_isa(isa);
    INFO(isa);
    test();
  }
}

}  // namespace terse::kernels
