// Weights that are made up, for models that exist as an architecture only: benchmarks of speed and
// memory.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/weights.h"
#include "io/memory.h"

namespace terse {

/// Makes each tensor when it is asked for: matrices uniform with the variance of Glorot's rule, so
/// that activations stay in range; vectors named "scale" one, others zero; keys any. A name and a
/// seed always give the same values. Not to be shared between threads while a model is being built;
/// its tensors may be.
class RandomWeights : public WeightSource {
 public:
  RandomWeights(DType matrix_type, uint64_t seed) : matrix_type_(matrix_type), seed_(seed) {}

  Tensor get(std::string_view name, const Shape& shape, TensorKind kind) const override;
  bool contains(std::string_view) const override { return true; }

  uint64_t parameters() const { return parameters_; }
  uint64_t total_bytes() const { return total_bytes_; }

 private:
  struct Made {
    AnonymousMemory memory;
    Tensor tensor;
  };

  DType matrix_type_;
  uint64_t seed_;
  // A cache: asking twice gives the same memory.
  mutable std::map<std::string, Made, std::less<>> made_;
  mutable uint64_t parameters_ = 0;
  mutable uint64_t total_bytes_ = 0;
};

}  // namespace terse
