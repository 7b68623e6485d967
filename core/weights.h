// Where weights come from: a name gives a typed view. A mapped file serves it, or a generator, or a
// test.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/tensor.h"

namespace terse {

/// What a tensor is used as, which decides the types that it may have, how a quantised type packs
/// it, and how much of it one token reads.
enum class TensorKind {
  // In any weight type that the kernels read:
  matrix,   // [..., out, in]: products along `in`; read whole
  kernel,   // [out, runs, run]: as matrix [out, runs * run]; a run is padded by itself; read whole
  columns,  // [blocks, in, out]: products along `in`, stored by rows of outputs; read whole
  gates,    // [n, d]: rows that multiply activations; read whole
  table,    // [n, d]: one row is read for each token
  units,    // [blocks, n, 2, d]: two rows of one of n units are read in each block
  experts,  // [n, units, 2, d]: all of one of n experts is read
  // Always in one type:
  vector,  // float32; read whole
  keys,    // unsigned 32-bit integers
};

/// Serves tensors by name. The views stay valid as long as the source. Safe to share between
/// threads.
class WeightSource {
 public:
  virtual ~WeightSource() = default;

  /// The tensor of that name, which must have that shape. `kind` tells a source that makes tensors
  /// up which type to choose; the caller checks what it gets. Throws ModelError naming the tensor
  /// if it is absent or has another shape.
  virtual Tensor get(std::string_view name, const Shape& shape, TensorKind kind) const = 0;

  virtual bool contains(std::string_view name) const = 0;
};

/// A source with a prefix: what one layer sees of the model's weights.
class Weights {
 public:
  explicit Weights(const WeightSource& source, std::string prefix = "")
      : source_(&source), prefix_(std::move(prefix)) {}

  /// The weights of a part: `weights / "encoder" / "norm"`.
  Weights operator/(std::string_view part) const;
  Weights operator/(size_t index) const { return *this / std::to_string(index); }

  /// A tensor in any weight type that the kernels read.
  Tensor matrix(std::string_view name, const Shape& shape,
                TensorKind kind = TensorKind::matrix) const;
  /// A vector, or a small table, that is always float32.
  std::span<const float> vector(std::string_view name, const Shape& shape) const;
  /// Unsigned 32-bit values.
  std::span<const uint32_t> uint32s(std::string_view name, const Shape& shape) const;

  bool contains(std::string_view name) const;
  std::string full_name(std::string_view name) const;

 private:
  Tensor typed(std::string_view name, const Shape& shape, TensorKind kind, DType dtype) const;

  const WeightSource* source_;
  std::string prefix_;
};

}  // namespace terse
