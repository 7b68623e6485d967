// The header of a safetensors file: what is checked before any byte of a tensor is believed.
// Format: github.com/huggingface/safetensors; the rules on top of it are in io/FORMAT.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace terse {

/// One tensor of the file: `begin` and `bytes` count within the data section. A quantised one
/// stands in the file as bytes (U8) with its type behind its name ("query.weight.int8"); `name` is
/// without it, and `shape` is that of the bytes.
struct TensorEntry {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  uint64_t begin = 0;
  uint64_t bytes = 0;
};

struct SafetensorsHeader {
  std::vector<TensorEntry> tensors;  // in the order of their data: no holes, no overlap
  std::map<std::string, std::string> metadata;
  uint64_t data_begin = 0;  // offset in the file, a multiple of 64
  uint64_t data_bytes = 0;
};

/// Length of the JSON text, from the file's first 8 bytes. Throws ModelError when it is out of
/// bounds.
uint64_t safetensors_header_length(std::span<const std::byte> first, uint64_t file_bytes,
                                   const std::string& path);

/// Checks the JSON text that follows the first 8 bytes, against the file's size too.
/// Throws ModelError naming `path`, the tensor, what was found and what was expected.
SafetensorsHeader parse_safetensors_header(std::string_view json, uint64_t file_bytes,
                                           const std::string& path);

}  // namespace terse
