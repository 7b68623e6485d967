#include "core/aligned_bytes.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace terse {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kHugePagesFrom = 2 * kHugePage;

}  // namespace

void AlignedBytes::Free::operator()(std::byte* data) const {
  std::free(data);
}

AlignedBytes::AlignedBytes(size_t size) : size_(size) {
  if (size == 0) return;
  const size_t alignment = size >= kHugePagesFrom ? kHugePage : kLine;
  const size_t rounded = (size + alignment - 1) / alignment * alignment;
  data_.reset(static_cast<std::byte*>(std::aligned_alloc(alignment, rounded)));
  if (data_ == nullptr) throw std::bad_alloc();
  // A wish: without it all still works.
  if (alignment == kHugePage) madvise(data_.get(), rounded, MADV_HUGEPAGE);
}

}  // namespace terse
