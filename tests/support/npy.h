// Reads the .npy files that golden cases consist of.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace terse::test {

/// A little-endian array of float32, int32 or bool (as ints) in C order; the other vector stays
/// empty.
struct Npy {
  std::vector<size_t> shape;
  std::vector<float> floats;
  std::vector<int32_t> ints;

  size_t size() const;
};

/// Throws std::runtime_error for a file that is absent or of another kind.
Npy read_npy(const std::filesystem::path& path);

}  // namespace terse::test
