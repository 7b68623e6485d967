#include "core/layers/kv_cache.h"

#include <algorithm>
#include <cstring>

#include "core/layers/columns.h"

namespace terse {
namespace {

constexpr size_t kMinCapacity = 64;

}  // namespace

KvCache::Rows::Rows(size_t heads, size_t capacity, size_t d_row, CacheType stored_as)
    : d(d_row),
      type(stored_as),
      data(heads * capacity * d_row * size_of(stored_as)),
      scales(stored_as == CacheType::int8 ? heads * capacity * sizeof(float) : 0) {}

kernels::CacheRows KvCache::Rows::of_head(size_t head, size_t capacity) const {
  const size_t first = head * capacity;
  return {data.data() + first * row_bytes(), type,
          type == CacheType::int8 ? all_scales() + first : nullptr};
}

void KvCache::Rows::store(const float* x, size_t begin, size_t end, size_t capacity,
                          size_t position) {
  const size_t first = begin * capacity + position;
  kernels::store_rows(x + begin * d, end - begin, d,
                      {data.data() + first * row_bytes(), capacity * row_bytes(), type,
                       type == CacheType::int8 ? all_scales() + first : nullptr, capacity});
}

void KvCache::Rows::copy_from(const Rows& other, size_t heads, size_t other_capacity,
                              size_t capacity, size_t length) {
  for (size_t head = 0; head < heads && length > 0; ++head) {
    std::memcpy(data.data() + head * capacity * row_bytes(),
                other.data.data() + head * other_capacity * row_bytes(), length * row_bytes());
    if (type != CacheType::int8) continue;
    std::copy_n(other.all_scales() + head * other_capacity, length, all_scales() + head * capacity);
  }
}

void KvCache::Rows::drop_front(size_t heads, size_t capacity, size_t count, size_t left) {
  for (size_t head = 0; head < heads; ++head) {
    std::byte* first = data.data() + head * capacity * row_bytes();
    std::memmove(first, first + count * row_bytes(), left * row_bytes());
    if (type != CacheType::int8) continue;
    float* first_scale = all_scales() + head * capacity;
    std::copy_n(first_scale + count, left, first_scale);
  }
}

KvCache::KvCache(size_t heads, size_t d_qk, size_t d_v, size_t capacity, CacheType type)
    : heads_(heads),
      capacity_(std::max(capacity, kMinCapacity)),
      keys_(heads, capacity_, d_qk, type),
      values_(heads, capacity_, d_v, type) {}

KvCache::KvCache(const KvCache& other)
    : heads_(other.heads_),
      capacity_(other.capacity_),
      length_(other.length_),
      keys_(heads_, capacity_, other.keys_.d, other.keys_.type),
      values_(heads_, capacity_, other.values_.d, other.values_.type) {
  keys_.copy_from(other.keys_, heads_, capacity_, capacity_, length_);
  values_.copy_from(other.values_, heads_, capacity_, capacity_, length_);
}

void KvCache::grow(size_t capacity) {
  for (Rows* rows : {&keys_, &values_}) {
    Rows grown(heads_, capacity, rows->d, rows->type);
    grown.copy_from(*rows, heads_, capacity_, capacity, length_);
    *rows = std::move(grown);
  }
  capacity_ = capacity;
}

void KvCache::extend(size_t n) {
  if (length_ + n > capacity_) grow(std::max(length_ + n, 2 * capacity_));
  length_ += n;
}

void KvCache::store(ConstMatrix keys, ConstMatrix values, size_t begin_head, size_t end_head) {
  const size_t first = length_ - keys.rows;
  for (size_t i = 0; i < keys.rows; ++i) {
    keys_.store(keys.row(i), begin_head, end_head, capacity_, first + i);
    values_.store(values.row(i), begin_head, end_head, capacity_, first + i);
  }
}

void KvCache::append(ConstMatrix keys, ConstMatrix values, Threads& threads) {
  const size_t n = keys.rows;
  extend(n);
  const size_t cost = (keys_.d + values_.d) * n;
  threads.for_ranges(heads_, worth_sharing(n) / std::max<size_t>(cost, 1) + 1,
                     [&](size_t begin, size_t end) { store(keys, values, begin, end); });
}

void KvCache::drop_front(size_t count) {
  length_ -= count;
  keys_.drop_front(heads_, capacity_, count, length_);
  values_.drop_front(heads_, capacity_, count, length_);
}

}  // namespace terse
