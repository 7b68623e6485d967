// How a cache stores keys and values.
#pragma once

#include <cstddef>
#include <cstdint>

namespace terse {

/// int8 has a float beside each row: its scale.
enum class CacheType : uint8_t { f32, bf16, int8 };

/// Bytes of one element, without what stands beside a row.
constexpr size_t size_of(CacheType type) {
  return type == CacheType::f32 ? 4 : type == CacheType::bf16 ? 2 : 1;
}

}  // namespace terse
