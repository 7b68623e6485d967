// Large blocks have pages of their own. Smaller ones, such as the attention caches of a short text,
// share them: a pool cuts them from ever larger runs of huge pages.
#include "core/aligned_bytes.h"

#include <sys/mman.h>

#include <cstdlib>
#include <memory_resource>
#include <new>

namespace terse {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kHugePage = size_t{2} << 20;
// Blocks up to this size come from the pool, whose sizes are powers of two; larger ones have pages
// of their own.
constexpr size_t kPooled = size_t{1} << 20;
// The first pages of the pool. What is not touched takes no memory.
constexpr size_t kFirstPages = 8 * kHugePage;

class HugePages : public std::pmr::memory_resource {
  void* do_allocate(size_t size, size_t) override {
    const size_t rounded = (size + kHugePage - 1) / kHugePage * kHugePage;
    void* pages = std::aligned_alloc(kHugePage, rounded);
    if (pages == nullptr) throw std::bad_alloc();
    madvise(pages, rounded, MADV_HUGEPAGE);  // a wish: without it all still works
    return pages;
  }
  void do_deallocate(void* pages, size_t, size_t) override { std::free(pages); }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

/// Never destroyed: blocks may outlive every static object.
struct Memory {
  HugePages pages;
  std::pmr::monotonic_buffer_resource runs{kFirstPages, &pages};
  std::pmr::synchronized_pool_resource pool{{0, kPooled}, &runs};

  std::pmr::memory_resource& for_size(size_t size) {
    if (size > kPooled) return pages;
    return pool;
  }
};

Memory& memory() {
  static auto* const all = new Memory;
  return *all;
}

}  // namespace

AlignedBytes::AlignedBytes(size_t size) : size_(size) {
  if (size > 0) data_ = static_cast<std::byte*>(memory().for_size(size).allocate(size, kLine));
}

AlignedBytes::~AlignedBytes() {
  if (data_ != nullptr) memory().for_size(size_).deallocate(data_, size_, kLine);
}

}  // namespace terse
