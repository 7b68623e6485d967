// Weights that are made up, for models that exist as an architecture only: benchmarks of speed and
// memory.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/threads.h"
#include "core/weights.h"
#include "io/memory.h"

namespace terse {

/// Makes each tensor when it is asked for: matrices uniform with the variance of Glorot's rule, so
/// that activations stay in range; vectors named "scale" one, others zero; keys any. A name and a
/// seed always give the same values, whatever the threads. All tensors stand in one piece of
/// memory, on huge pages, because scattered rows are read from it. Not to be shared between threads
/// while a model is being built; its tensors may be.
class RandomWeights : public WeightSource {
 public:
  /// Room for tensors of `bytes` together (core/traffic.h counts them beforehand). `threads` fill
  /// them and must outlive the building of the model. Throws ModelError when the system has no such
  /// room.
  RandomWeights(DType matrix_type, uint64_t seed, uint64_t bytes, size_t tensors, Threads& threads);

  Tensor get(std::string_view name, const Shape& shape, TensorKind kind) const override;
  bool contains(std::string_view) const override { return true; }

 private:
  std::byte* take(size_t bytes) const;
  void fill(std::string_view name, TensorKind kind, const Tensor& tensor, std::byte* data) const;
  void fill_matrix(uint64_t start, TensorKind kind, const Tensor& tensor, std::byte* data) const;
  void fill_packed(uint64_t start, float range, TensorKind kind, const Tensor& tensor,
                   std::byte* data) const;

  DType matrix_type_;
  uint64_t seed_;
  Threads* threads_;
  // Values in [-1, 1) that matrices repeat, each from a place of its own.
  std::vector<float> values_;
  std::vector<std::byte> bytes_;
  AnonymousMemory memory_;
  mutable size_t used_ = 0;  // bytes of it
  // A cache: asking twice gives the same memory.
  mutable std::map<std::string, Tensor, std::less<>> made_;
};

}  // namespace terse
