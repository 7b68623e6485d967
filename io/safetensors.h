// Weights from a safetensors file.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/weights.h"
#include "io/memory.h"
#include "io/safetensors_header.h"

namespace terse {

/// How the bytes of the tensors come to memory.
enum class Access {
  automatic,  // copy when the memory allows it, else map
  copy,       // read once into memory of their own: huge pages, safe from changes of the file
  map,        // use the pages of the file: starts at once; the file must not shrink meanwhile
};

/// An open file of tensors; its views live as long as it does. Reading it from several threads is
/// safe.
class SafetensorsFile : public WeightSource {
 public:
  /// Throws ModelError: absent, damaged, cut, or not written for this program (io/FORMAT.md).
  explicit SafetensorsFile(const std::filesystem::path& path, Access access = Access::automatic);

  Tensor get(std::string_view name, const Shape& shape, TensorKind kind) const override;
  Tensor get(std::string_view name, const Shape& shape) const {
    return get(name, shape, TensorKind::matrix);
  }
  bool contains(std::string_view name) const override;

  /// The access in use: copy or map.
  Access access() const { return access_; }
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }
  size_t tensor_count() const { return header_.tensors.size(); }
  /// Bytes of all tensors together.
  uint64_t total_bytes() const { return header_.data_bytes; }

  /// What a tensor is to the model that got it.
  struct Use {
    TensorKind kind;
    Shape shape;
  };

  /// Calls `visit` with every tensor, in the order of the file. It does not count as asking for
  /// them. `use` is null for one that nobody got; such a quantised one has the shape of its bytes.
  void for_each(const std::function<void(const std::string& name, const Tensor&, const Use* use)>&
                    visit) const;

  /// Reads all data and compares it with the digest that the converter left in the metadata
  /// (data_sha256), where there is one. Throws ModelError when it is not the same.
  void verify() const;

  /// Names of the tensors that nobody got so far, in the order of the file.
  std::vector<std::string> unused() const;

 private:
  std::string path_;
  SafetensorsHeader header_;
  std::map<std::string_view, size_t> index_;      // name -> place in header_.tensors
  mutable std::vector<std::optional<Use>> uses_;  // by place in header_.tensors
  mutable std::mutex uses_mutex_;
  Access access_;
  MappedFile mapped_;
  AnonymousMemory copied_;
  const std::byte* data_ = nullptr;
};

}  // namespace terse
