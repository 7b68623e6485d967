// Writes a model.safetensors (io/FORMAT.md): the header from a plan, then the tensors one after
// another, then the digest of their bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "core/packing.h"
#include "io/file.h"
#include "io/sha256.h"

namespace terse {

/// A tensor to be written.
struct TensorPlan {
  std::string name;
  DType dtype;
  TensorKind kind;
  Shape shape;

  uint64_t bytes() const { return bytes_of(dtype, kind, shape); }
  /// Whether it stands before those that are not: then all such tensors start at a multiple of 64.
  bool stands_first() const { return bytes() % 64 == 0; }
};

/// A file under construction. Throws OutputError when it cannot be written.
class SafetensorsWriter {
 public:
  /// `tensors` stand in the order of the file. `metadata` goes into the header beside the format,
  /// the layout and the digest. The file must not exist.
  SafetensorsWriter(const std::filesystem::path& path, std::span<const TensorPlan> tensors,
                    std::map<std::string, std::string> metadata);

  /// The bytes of the next tensor, all of them.
  void write(std::span<const std::byte> bytes);

  /// Writes the header again, with the digest, and everything to the disk.
  void finish();

 private:
  std::string header(const std::string& digest) const;

  std::filesystem::path path_;
  std::span<const TensorPlan> tensors_;
  std::map<std::string, std::string> metadata_;
  FileDescriptor file_;
  uint64_t at_ = 0;
  Sha256 digest_;
};

}  // namespace terse
