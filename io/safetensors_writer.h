// Writes a model.safetensors (io/FORMAT.md): the header from a plan, then the tensors one after
// another, then the digest of their bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

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
};

/// The plan in the order of the file: tensors whose size is a multiple of 64 bytes stand first, so
/// that all of them are aligned.
std::vector<TensorPlan> in_file_order(std::vector<TensorPlan> tensors);

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
