#include "core/layers/conv_rows.h"

#include <algorithm>

namespace terse {
namespace {

kernels::QuantizedGroups groups_from(const kernels::QuantizedGroups& all, size_t first) {
  return {all.values + first * kGroup, all.scales + first, all.sums + first};
}

}  // namespace

ConvRows ConvRows::from(size_t i) const {
  if (in_bytes()) return {reach, nullptr, groups_from(bytes, i * reach.row_groups())};
  return {reach, floats + i * reach.row_floats(), {}};
}

void ConvRows::clear(size_t i) const {
  const ConvRows row = from(i);
  if (!in_bytes()) {
    std::fill_n(row.floats, reach.row_floats(), 0.0f);
    return;
  }
  std::fill_n(row.bytes.values, reach.row_groups() * kGroup, int8_t{0});
  std::fill_n(row.bytes.scales, reach.row_groups(), 0.0f);
  std::fill_n(row.bytes.sums, reach.row_groups(), 0);
}

void ConvRows::set(size_t i, const float* x, size_t begin, size_t end) const {
  const ConvRows row = from(i);
  const size_t module_in = reach.module_in;
  const size_t n = (end - begin) * module_in;
  x += begin * module_in;
  if (!in_bytes()) {
    std::copy_n(x, n, row.floats + (reach.margin() + begin) * module_in);
    return;
  }
  const size_t groups = reach.module_groups();
  const size_t first = (reach.margin() + begin) * groups;
  if (module_in % kGroup == 0) {
    kernels::quantize(x, n, groups, groups_from(row.bytes, first));
    return;
  }
  for (size_t module = 0; module < end - begin; ++module) {
    kernels::quantize(x + module * module_in, module_in, groups,
                      groups_from(row.bytes, first + module * groups));
  }
}

void ConvRows::copy(const ConvRows& other, size_t count, size_t to) const {
  const ConvRows rows = from(to);
  if (!in_bytes()) {
    std::copy_n(other.floats, count * reach.row_floats(), rows.floats);
    return;
  }
  const size_t groups = count * reach.row_groups();
  std::copy_n(other.bytes.values, groups * kGroup, rows.bytes.values);
  std::copy_n(other.bytes.scales, groups, rows.bytes.scales);
  std::copy_n(other.bytes.sums, groups, rows.bytes.sums);
}

ConvRows scratch_rows(size_t rows, const ConvReach& reach, bool in_bytes, Scratch& scratch) {
  if (!in_bytes) return {reach, scratch.floats(rows * reach.row_floats()).data(), {}};
  const size_t groups = rows * reach.row_groups();
  return {reach,
          nullptr,
          {scratch.bytes(groups * kGroup).data(), scratch.floats(groups).data(),
           scratch.integers(groups).data()}};
}

ConvRowsStorage::ConvRowsStorage(size_t rows, const ConvReach& reach, bool in_bytes)
    : reach_(reach) {
  if (!in_bytes) {
    floats_.resize(rows * reach.row_floats());
    return;
  }
  values_.resize(rows * reach.row_groups() * kGroup);
  scales_.resize(rows * reach.row_groups());
  sums_.resize(rows * reach.row_groups());
}

ConvRows ConvRowsStorage::view() {
  if (values_.empty()) return {reach_, floats_.data(), {}};
  return {reach_, nullptr, {values_.data(), scales_.data(), sums_.data()}};
}

size_t ConvRowsStorage::bytes() const {
  return (floats_.size() + scales_.size() + sums_.size()) * sizeof(float) + values_.size();
}

}  // namespace terse
