#include "core/layers/kv_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace terse {
namespace {

constexpr size_t kMinCapacity = 64;

// The upper half of a float, rounded to nearest even. NaN stays NaN.
uint16_t to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (value != value) return uint16_t(bits >> 16 | 0x40);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

void store(const float* from, size_t n, DType type, std::byte* to) {
  if (type == DType::f32) {
    std::memcpy(to, from, n * sizeof(float));
    return;
  }
  auto* halves = reinterpret_cast<uint16_t*>(to);
  for (size_t i = 0; i < n; ++i) halves[i] = to_bf16(from[i]);
}

std::vector<std::byte> with_capacity(const std::vector<std::byte>& old, size_t heads,
                                     size_t old_head, size_t new_head) {
  std::vector<std::byte> grown(heads * new_head);
  for (size_t head = 0; head < heads; ++head) {
    std::copy_n(old.data() + head * old_head, old_head, grown.data() + head * new_head);
  }
  return grown;
}

}  // namespace

KvCache::KvCache(size_t heads, size_t d_qk, size_t d_v, size_t capacity, DType type)
    : heads_(heads),
      d_qk_(d_qk),
      d_v_(d_v),
      type_(type),
      capacity_(std::max(capacity, kMinCapacity)),
      keys_(heads * capacity_ * d_qk * size_of(type)),
      values_(heads * capacity_ * d_v * size_of(type)) {}

void KvCache::grow(size_t capacity) {
  const size_t bytes = size_of(type_);
  keys_ = with_capacity(keys_, heads_, capacity_ * d_qk_ * bytes, capacity * d_qk_ * bytes);
  values_ = with_capacity(values_, heads_, capacity_ * d_v_ * bytes, capacity * d_v_ * bytes);
  capacity_ = capacity;
}

void KvCache::append(ConstMatrix keys, ConstMatrix values) {
  if (length_ + keys.rows > capacity_) grow(std::max(length_ + keys.rows, 2 * capacity_));
  const size_t bytes = size_of(type_);
  for (size_t i = 0; i < keys.rows; ++i) {
    for (size_t head = 0; head < heads_; ++head) {
      const size_t slot = head * capacity_ + length_ + i;
      store(keys.row(i) + head * d_qk_, d_qk_, type_, keys_.data() + slot * d_qk_ * bytes);
      store(values.row(i) + head * d_v_, d_v_, type_, values_.data() + slot * d_v_ * bytes);
    }
  }
  length_ += keys.rows;
}

void KvCache::drop_front(size_t count) {
  length_ -= count;
  const auto move_up = [&](std::vector<std::byte>& rows, size_t d) {
    const size_t row = d * size_of(type_);
    for (size_t head = 0; head < heads_; ++head) {
      std::byte* first = rows.data() + head * capacity_ * row;
      std::memmove(first, first + count * row, length_ * row);
    }
  };
  move_up(keys_, d_qk_);
  move_up(values_, d_v_);
}

kernels::WeightView KvCache::keys(size_t head) const {
  return kernels::WeightView(keys_.data(), type_).from(head * capacity_ * d_qk_);
}

kernels::WeightView KvCache::values(size_t head) const {
  return kernels::WeightView(values_.data(), type_).from(head * capacity_ * d_v_);
}

}  // namespace terse
