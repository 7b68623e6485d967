#include "core/scratch.h"

#include <algorithm>
#include <new>

namespace terse {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kFirstChunk = size_t{1} << 20;

}  // namespace

void Scratch::FreeChunk::operator()(std::byte* chunk) const {
  ::operator delete (chunk, std::align_val_t{kAlignment});
}

size_t Scratch::capacity() const {
  size_t total = 0;
  for (const Chunk& chunk : chunks_) total += chunk.size;
  return total;
}

std::byte* Scratch::take_bytes(size_t bytes) {
  const size_t wanted = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  while (chunk_ < chunks_.size() && used_ + wanted > chunks_[chunk_].size) {
    ++chunk_;
    used_ = 0;
  }
  if (chunk_ == chunks_.size()) {
    const size_t size = std::max({wanted, kFirstChunk, capacity()});
    auto* data = static_cast<std::byte*>(::operator new (size, std::align_val_t{kAlignment}));
    chunks_.push_back({std::unique_ptr<std::byte, FreeChunk>(data), size});
  }
  std::byte* result = chunks_[chunk_].data.get() + used_;
  used_ += wanted;
  return result;
}

}  // namespace terse
