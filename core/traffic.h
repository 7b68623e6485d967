// What a model reads of its weights for one token, counted from the shapes and uses of its tensors
// without a look at their values.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/packing.h"
#include "core/weights.h"

namespace terse {

/// A tensor as a model asked for it.
struct TensorUse {
  std::string name;
  Shape shape;
  TensorKind kind = TensorKind::matrix;
  DType dtype = DType::f32;

  uint64_t parameters() const;
  uint64_t bytes() const;
};

/// Passes everything on to another source and notes each tensor at the first time that it is asked
/// for. For one thread, while a model is built.
class RecordedWeights : public WeightSource {
 public:
  explicit RecordedWeights(const WeightSource& source) : source_(&source) {}

  Tensor get(std::string_view name, const Shape& shape, TensorKind kind) const override;
  bool contains(std::string_view name) const override { return source_->contains(name); }

  const std::vector<TensorUse>& uses() const { return uses_; }

 private:
  const WeightSource* source_;
  mutable std::vector<TensorUse> uses_;
  mutable std::map<std::string, size_t, std::less<>> seen_;
};

/// Tensors without values, for models that are built to be counted and not to be run: vectors and
/// keys are zero, matrices have no memory at all. For one thread.
class ShapesOnly : public WeightSource {
 public:
  explicit ShapesOnly(DType matrix_type) : matrix_type_(matrix_type) {}

  Tensor get(std::string_view name, const Shape& shape, TensorKind kind) const override;
  bool contains(std::string_view) const override { return true; }

 private:
  DType matrix_type_;
  mutable std::vector<std::vector<uint32_t>> zeros_;
};

/// Parameters and bytes. In order: tensors that every token reads whole. Scattered: the units that
/// the controllers pick. What only a source needs (the encoder, the keys and values of
/// cross-attention) is held and not counted as read; of an embedding one row is.
struct WeightTraffic {
  uint64_t params_held = 0;
  uint64_t params_in_order = 0;
  uint64_t params_scattered = 0;
  uint64_t bytes_held = 0;
  uint64_t bytes_in_order = 0;
  uint64_t bytes_scattered = 0;
  // What the scattered rows are picked from: a row is one unit, one of `units_in_block` is read.
  uint64_t unit_bytes_held = 0;
  uint64_t row_bytes = 0;
  uint64_t units_in_block = 0;

  uint64_t params_touched() const { return params_in_order + params_scattered; }
  uint64_t bytes_touched() const { return bytes_in_order + bytes_scattered; }
};

WeightTraffic weight_traffic(std::span<const TensorUse> uses);

}  // namespace terse
