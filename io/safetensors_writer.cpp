#include "io/safetensors_writer.h"

#include <nlohmann/json.hpp>

namespace terse {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kDigestDigits = 64;

const char* safetensors_name(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "F32";
    case DType::bf16:
      return "BF16";
    case DType::u32:
      return "U32";
    case DType::int8:
    case DType::int4:
      return "U8";
  }
  return "U8";
}

std::string name_in_file(const TensorPlan& tensor) {
  if (!is_quantized(tensor.dtype)) return tensor.name;
  return tensor.name + "." + name_of(tensor.dtype);
}

Shape shape_in_file(const TensorPlan& tensor) {
  if (!is_quantized(tensor.dtype)) return float_shape(tensor.kind, tensor.shape);
  return byte_shape(tensor.dtype, tensor.kind, tensor.shape);
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path,
                                     std::span<const TensorPlan> tensors,
                                     std::map<std::string, std::string> metadata)
    : path_(path),
      tensors_(tensors),
      metadata_(std::move(metadata)),
      file_(create_file(path)),
      at_(header(std::string(kDigestDigits, '0')).size()) {
  uint64_t total = at_;
  for (const TensorPlan& tensor : tensors) total += tensor.bytes();
  reserve_space(file_, total, path_);
}

std::string SafetensorsWriter::header(const std::string& digest) const {
  nlohmann::ordered_json json;
  json["__metadata__"] = metadata_;
  json["__metadata__"]["format"] = "terse";
  json["__metadata__"]["layout"] = "1";
  json["__metadata__"]["data_sha256"] = digest;
  uint64_t begin = 0;
  for (const TensorPlan& tensor : tensors_) {
    const uint64_t end = begin + tensor.bytes();
    json[name_in_file(tensor)] = {{"dtype", safetensors_name(tensor.dtype)},
                                  {"shape", shape_in_file(tensor)},
                                  {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = json.dump();
  text.resize(round_up(8 + text.size(), kAlignment) - 8, ' ');
  std::string length;
  for (size_t i = 0; i < 8; ++i) length += char(text.size() >> 8 * i & 0xff);
  return length + text;
}

void SafetensorsWriter::write(std::span<const std::byte> bytes) {
  write_exactly(file_, at_, bytes, path_);
  digest_.add(bytes);
  at_ += bytes.size();
}

void SafetensorsWriter::finish() {
  const std::string text = header(digest_.hex());
  write_exactly(file_, 0, std::as_bytes(std::span(text)), path_);
  sync_file(file_, path_);
}

}  // namespace terse
