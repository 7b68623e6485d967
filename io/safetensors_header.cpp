// The rule list for a header, in order: length, JSON, metadata, each tensor alone, all tensors
// together.
#include "io/safetensors_header.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/error.h"
#include "io/json.h"

namespace terse {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxHeaderBytes = uint64_t{16} << 20;
constexpr size_t kMaxTensors = 100'000;
constexpr size_t kMaxRank = 8;
constexpr uint64_t kDataAlignment = 64;
constexpr size_t kLengthBytes = 8;

/// Collects the context that every message starts with.
struct Place {
  const std::string& path;
  std::string tensor = {};

  [[noreturn]] void fail(const std::string& what) const {
    throw ModelError(path + ": " + (tensor.empty() ? "" : "tensor " + tensor + ": ") + what);
  }
};

/// A short form of a value for a message.
std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

void read_metadata(const json& object, SafetensorsHeader& header, const Place& place) {
  if (!object.is_object()) place.fail("__metadata__ is not an object");
  for (const auto& [key, value] : object.items()) {
    if (!value.is_string()) {
      place.fail("__metadata__ \"" + key + "\" is " + shown(value) + ", expected a string");
    }
    header.metadata[key] = value.get<std::string>();
  }
}

void require_metadata(const SafetensorsHeader& header, const std::string& key,
                      const std::string& expected, const Place& place) {
  const auto found = header.metadata.find(key);
  if (found != header.metadata.end() && found->second == expected) return;
  place.fail("__metadata__ says " + key + " " +
             (found == header.metadata.end() ? "nothing" : shown(found->second)) + ", expected \"" +
             expected + "\": convert the checkpoint with scripts/convert_trax.py");
}

/// The type that a tensor of bytes has behind its name, which is cut off.
DType take_quantized_type(std::string& name, const Place& place) {
  for (const DType dtype : {DType::int8, DType::int4}) {
    const std::string suffix = std::string(".") + name_of(dtype);
    if (!name.ends_with(suffix)) continue;
    name.resize(name.size() - suffix.size());
    return dtype;
  }
  place.fail("has type \"U8\" but its name does not end with .int8 or .int4");
}

DType read_dtype(const json& value, std::string& tensor, const Place& place) {
  const std::string name = value.is_string() ? value.get<std::string>() : "";
  if (name == "F32") return DType::f32;
  if (name == "BF16") return DType::bf16;
  if (name == "U32") return DType::u32;
  if (name == "U8") return take_quantized_type(tensor, place);
  place.fail("has type " + shown(value) + ", expected F32, BF16, U32 or U8");
}

/// Bytes of an element as the file counts them, and what a tensor's begin is a multiple of.
size_t element_bytes(DType dtype) {
  return is_quantized(dtype) ? 1 : size_of(dtype);
}
size_t alignment_of(DType dtype) {
  return is_quantized(dtype) ? kDataAlignment : size_of(dtype);
}

Shape read_shape(const json& value, const Place& place) {
  if (!value.is_array()) place.fail("has shape " + shown(value) + ", expected a list");
  if (value.size() > kMaxRank) {
    place.fail("has " + std::to_string(value.size()) + " dimensions, expected at most " +
               std::to_string(kMaxRank));
  }
  Shape shape;
  for (const json& dim : value) {
    if (!dim.is_number_unsigned()) {
      place.fail("has a dimension " + shown(dim) + ", expected a whole number from 0");
    }
    shape.push_back(dim.get<size_t>());
  }
  return shape;
}

/// Bytes of a tensor; nothing when no 64-bit number holds them.
std::optional<uint64_t> bytes_of(const Shape& shape, DType dtype) {
  uint64_t bytes = element_bytes(dtype);
  for (const size_t dim : shape) {
    if (__builtin_mul_overflow(bytes, dim, &bytes)) return std::nullopt;
  }
  return bytes;
}

void read_offsets(const json& value, TensorEntry& entry, const Place& place) {
  const bool is_pair = value.is_array() && value.size() == 2 && value[0].is_number_unsigned() &&
                       value[1].is_number_unsigned();
  if (!is_pair) place.fail("has data_offsets " + shown(value) + ", expected [begin, end]");
  entry.begin = value[0].get<uint64_t>();
  const auto end = value[1].get<uint64_t>();
  if (end < entry.begin)
    place.fail("has data_offsets " + shown(value) + ": the end is before the begin");
  if (end - entry.begin != entry.bytes) {
    place.fail("spans " + std::to_string(end - entry.begin) + " bytes, expected " +
               std::to_string(entry.bytes) + " for " + name_of(entry.dtype) + " " +
               to_string(entry.shape));
  }
  if (entry.begin % alignment_of(entry.dtype) != 0) {
    place.fail("begins at " + std::to_string(entry.begin) + ", expected a multiple of " +
               std::to_string(alignment_of(entry.dtype)));
  }
}

TensorEntry read_entry(const std::string& name, const json& value, const std::string& path) {
  const Place place{path, "'" + name + "'"};
  if (!value.is_object()) place.fail("is " + shown(value) + ", expected an object");
  for (const auto& [key, unused] : value.items()) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") {
      place.fail("has the unknown key \"" + key + "\"");
    }
  }
  for (const char* key : {"dtype", "shape", "data_offsets"}) {
    if (!value.contains(key)) place.fail(std::string("has no ") + key);
  }
  TensorEntry entry;
  entry.name = name;
  entry.dtype = read_dtype(value["dtype"], entry.name, place);
  entry.shape = read_shape(value["shape"], place);
  const std::optional<uint64_t> bytes = bytes_of(entry.shape, entry.dtype);
  if (!bytes)
    place.fail("has shape " + to_string(entry.shape) + ": more bytes than can be counted");
  entry.bytes = *bytes;
  read_offsets(value["data_offsets"], entry, place);
  return entry;
}

/// A tensor must stand in one type only.
void check_names(const SafetensorsHeader& header, const std::string& path) {
  std::set<std::string_view> names;
  for (const TensorEntry& entry : header.tensors) {
    if (names.insert(entry.name).second) continue;
    Place{path, "'" + entry.name + "'"}.fail("stands in the file twice, in different types");
  }
}

/// The tensors must fill the data section from its first byte to the file's last.
void check_layout(SafetensorsHeader& header, uint64_t file_bytes, const std::string& path) {
  std::stable_sort(header.tensors.begin(), header.tensors.end(), [](const auto& a, const auto& b) {
    return std::pair(a.begin, a.bytes) < std::pair(b.begin, b.bytes);
  });
  uint64_t end = 0;
  for (const TensorEntry& entry : header.tensors) {
    const Place place{path, "'" + entry.name + "'"};
    if (entry.begin != end) {
      place.fail("begins at " + std::to_string(entry.begin) + ", expected " + std::to_string(end) +
                 (entry.begin < end ? ": it overlaps the tensor before it" : ": there is a hole"));
    }
    end += entry.bytes;
    if (end > header.data_bytes) {
      place.fail("needs bytes up to " + std::to_string(header.data_begin + end) +
                 " of the file, which has " + std::to_string(file_bytes) +
                 ": the file is cut; copy or convert it again");
    }
  }
  if (end != header.data_bytes) {
    Place{path}.fail("has " + std::to_string(file_bytes) + " bytes, expected " +
                     std::to_string(header.data_begin + end) + ": bytes follow the last tensor");
  }
}

}  // namespace

uint64_t safetensors_header_length(std::span<const std::byte> first, uint64_t file_bytes,
                                   const std::string& path) {
  const Place place{path};
  if (file_bytes < kLengthBytes || first.size() < kLengthBytes) {
    place.fail("has " + std::to_string(file_bytes) +
               " bytes, expected at least 8: this is no safetensors file");
  }
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i)
    length |= uint64_t{std::to_integer<uint8_t>(first[i])} << 8 * i;
  if (length > kMaxHeaderBytes) {
    place.fail("says that its header has " + std::to_string(length) + " bytes, expected at most " +
               std::to_string(kMaxHeaderBytes) + ": this is no safetensors file");
  }
  if (length > file_bytes - kLengthBytes) {
    place.fail("has " + std::to_string(file_bytes) + " bytes, expected at least " +
               std::to_string(length + kLengthBytes) + " for its header: the file is cut");
  }
  return length;
}

SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t file_bytes,
                                           const std::string& path) {
  const Place place{path};
  json root;
  try {
    root = parse_json(text, {.max_depth = 4, .max_bytes = kMaxHeaderBytes});
  } catch (const JsonError& error) {
    place.fail("its header is damaged at byte " + std::to_string(kLengthBytes + error.byte) + ": " +
               error.what());
  }
  if (!root.is_object()) place.fail("its header is no JSON object");
  if (root.size() > kMaxTensors) {
    place.fail("has " + std::to_string(root.size()) + " tensors, expected at most " +
               std::to_string(kMaxTensors));
  }
  SafetensorsHeader header;
  header.data_begin = kLengthBytes + text.size();
  header.data_bytes = file_bytes - header.data_begin;
  if (root.contains("__metadata__")) read_metadata(root["__metadata__"], header, place);
  require_metadata(header, "format", "terse", place);
  require_metadata(header, "layout", "1", place);
  if (header.data_begin % kDataAlignment != 0) {
    place.fail("its data starts at byte " + std::to_string(header.data_begin) +
               ", expected a multiple of " + std::to_string(kDataAlignment));
  }
  for (const auto& [name, value] : root.items()) {
    if (name != "__metadata__") header.tensors.push_back(read_entry(name, value, path));
  }
  check_names(header, path);
  check_layout(header, file_bytes, path);
  return header;
}

}  // namespace terse
