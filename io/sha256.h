// SHA-256, to notice a file that is not what it was.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace terse {

/// The digest of bytes that come piece by piece.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(std::span<const std::byte> bytes);

  /// The digest as 64 hexadecimal digits. Ends the sum: nothing can be added behind it.
  std::string hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string sha256_hex(std::span<const std::byte> bytes);

}  // namespace terse
