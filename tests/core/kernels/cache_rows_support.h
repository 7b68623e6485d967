// What the tests of attention share: rows of a cache in every type, and every instruction set.
#pragma once

#include <string>
#include <vector>

#include "core/kernels/cache_rows.h"
#include "tests/core/kernels/kernel_test.h"

namespace terse::kernels {

constexpr CacheType kCacheTypes[] = {CacheType::f32, CacheType::bf16, CacheType::int8};

inline const char* name_of(CacheType type) {
  return type == CacheType::f32 ? "f32" : type == CacheType::bf16 ? "bf16" : "int8";
}

/// Owns rows of a cache, stored by the reference. The array is exactly as long as that, so that
/// AddressSanitizer sees a read beyond the end.
class TestRows {
 public:
  TestRows(const std::vector<float>& values, size_t d, CacheType type)
      : type_(type), bytes_(values.size() * size_of(type)), scales_(values.size() / d) {
    reference::store_rows(values.data(), scales_.size(), d,
                          {bytes_.data(), d * size_of(type), type, scales_.data(), 1});
  }

  operator CacheRows() const {  // NOLINT(google-explicit-constructor): stands for its view
    return {bytes_.data(), type_, type_ == CacheType::int8 ? scales_.data() : nullptr};
  }

 private:
  CacheType type_;
  std::vector<std::byte> bytes_;
  std::vector<float> scales_;
};

/// Calls test(type) for each instruction set and each type of a cache.
template <class Test>
void for_each_isa_and_cache_type(Test&& test) {
  for_each_isa([&] {
    for (const CacheType type : kCacheTypes) {
      INFO(name_of(type));
      test(type);
    }
  });
}

}  // namespace terse::kernels
