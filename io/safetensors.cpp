// Opening a safetensors file: the header is checked first, then the bytes are copied or mapped.
#include "io/safetensors.h"

#include <array>

#include "core/error.h"
#include "core/packing.h"
#include "io/sha256.h"

namespace terse {
namespace {

SafetensorsHeader read_header(const FileDescriptor& file, uint64_t bytes,
                              const std::filesystem::path& path) {
  std::array<std::byte, 8> first{};
  const std::span<std::byte> present = std::span(first).first(std::min<uint64_t>(bytes, 8));
  read_exactly(file, 0, present, path);
  std::string json(safetensors_header_length(present, bytes, path.string()), '\0');
  read_exactly(file, 8, std::as_writable_bytes(std::span(json)), path);
  return parse_safetensors_header(json, bytes, path.string());
}

Access chosen(Access wish, uint64_t bytes) {
  if (wish != Access::automatic) return wish;
  const uint64_t available = available_memory();
  return available == 0 || bytes <= available / 4 * 3 ? Access::copy : Access::map;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path, Access access)
    : path_(path.string()) {
  const FileDescriptor file = open_regular_file(path);
  const uint64_t bytes = file_size(file, path);
  header_ = read_header(file, bytes, path);
  access_ = chosen(access, header_.data_bytes);
  if (access_ == Access::map) {
    mapped_ = MappedFile(file, bytes, path);
    data_ = mapped_.bytes().data() + header_.data_begin;
  } else {
    copied_ = AnonymousMemory(header_.data_bytes);
    read_exactly(file, header_.data_begin, copied_.bytes(), path);
    copied_.make_read_only();
    data_ = copied_.bytes().data();
  }
  uses_.resize(header_.tensors.size());
  for (size_t i = 0; i < header_.tensors.size(); ++i) index_[header_.tensors[i].name] = i;
}

Tensor SafetensorsFile::get(std::string_view name, const Shape& shape, TensorKind kind) const {
  const auto found = index_.find(name);
  if (found == index_.end()) {
    throw ModelError(path_ + ": tensor '" + std::string(name) + "' is absent, expected " +
                     to_string(shape));
  }
  const TensorEntry& entry = header_.tensors[found->second];
  const Shape expected =
      is_quantized(entry.dtype) ? byte_shape(entry.dtype, kind, shape) : float_shape(kind, shape);
  if (entry.shape != expected) {
    throw ModelError(path_ + ": tensor '" + entry.name + "' is " + to_string(entry.shape) +
                     ", expected " + to_string(expected));
  }
  const std::lock_guard lock(uses_mutex_);
  uses_[found->second] = Use{kind, shape};
  return {entry.dtype, shape, data_ + entry.begin};
}

bool SafetensorsFile::contains(std::string_view name) const {
  return index_.contains(name);
}

void SafetensorsFile::for_each(const std::function<void(const std::string& name, const Tensor&,
                                                        const Use* use)>& visit) const {
  const std::lock_guard lock(uses_mutex_);
  for (size_t i = 0; i < uses_.size(); ++i) {
    const TensorEntry& entry = header_.tensors[i];
    const Use* use = uses_[i] ? &*uses_[i] : nullptr;
    visit(entry.name, {entry.dtype, use ? use->shape : entry.shape, data_ + entry.begin}, use);
  }
}

void SafetensorsFile::verify() const {
  const auto expected = header_.metadata.find("data_sha256");
  if (expected == header_.metadata.end()) return;
  const std::string found = sha256_hex({data_, header_.data_bytes});
  if (found != expected->second) {
    throw ModelError(path_ + ": the data is damaged: its SHA-256 is " + found + ", expected " +
                     expected->second + "; convert or copy the model again");
  }
}

std::vector<std::string> SafetensorsFile::unused() const {
  std::vector<std::string> names;
  const std::lock_guard lock(uses_mutex_);
  for (size_t i = 0; i < uses_.size(); ++i) {
    if (!uses_[i]) names.push_back(header_.tensors[i].name);
  }
  return names;
}

}  // namespace terse
