// SHA-256, to notice a file that is not what it was.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace terse {

/// The digest as 64 hexadecimal digits.
std::string sha256_hex(std::span<const std::byte> bytes);

}  // namespace terse
