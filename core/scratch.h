// Short-lived buffers of one forward pass, reused from step to step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/matrix.h"

namespace terse {

/// A stack of buffers. What is taken inside a Frame is given back when the Frame ends; the memory
/// stays for the next step, so a decode loop allocates only until it has seen its largest step.
/// Contents are not initialised. One thread takes; the buffers may be filled by others.
class Scratch {
 public:
  class Frame {
   public:
    explicit Frame(Scratch& scratch)
        : scratch_(scratch), chunk_(scratch.chunk_), used_(scratch.used_) {}
    ~Frame() {
      scratch_.chunk_ = chunk_;
      scratch_.used_ = used_;
    }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

   private:
    Scratch& scratch_;
    size_t chunk_;
    size_t used_;
  };

  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::span<float> floats(size_t n) { return take<float>(n); }
  std::span<int8_t> bytes(size_t n) { return take<int8_t>(n); }
  std::span<int16_t> shorts(size_t n) { return take<int16_t>(n); }
  std::span<int32_t> integers(size_t n) { return take<int32_t>(n); }
  std::span<uint32_t> indices(size_t n) { return take<uint32_t>(n); }
  template <class T>
  std::span<T*> pointers(size_t n) {
    return take<T*>(n);
  }
  /// Plain values of a few bytes.
  template <class T>
  std::span<T> values(size_t n) {
    return take<T>(n);
  }
  Matrix matrix(size_t rows, size_t cols) { return {take<float>(rows * cols).data(), rows, cols}; }

  /// Bytes held.
  size_t capacity() const;

 private:
  struct FreeChunk {
    void operator()(std::byte* chunk) const;
  };
  struct Chunk {
    std::unique_ptr<std::byte, FreeChunk> data;
    size_t size;
  };

  template <class T>
  std::span<T> take(size_t n) {
    return {reinterpret_cast<T*>(take_bytes(n * sizeof(T))), n};
  }
  std::byte* take_bytes(size_t bytes);  // aligned to 64

  std::vector<Chunk> chunks_;
  size_t chunk_ = 0;  // the one in use
  size_t used_ = 0;   // bytes of it
};

}  // namespace terse
