// Tags, varints and lengths, each checked against the bytes that are left.
#include "io/protobuf_reader.h"

#include <cstring>
#include <string>

namespace terse {
namespace {

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

}  // namespace

uint64_t ProtobufReader::read_varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(take(1)[0]);
    value |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
  throw ProtobufError("a number has more than 10 bytes");
}

std::string_view ProtobufReader::take(uint64_t count) {
  if (count > rest_.size()) {
    throw ProtobufError("a field needs " + std::to_string(count) + " bytes, found " +
                        std::to_string(rest_.size()));
  }
  const std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

bool ProtobufReader::next() {
  if (rest_.empty()) return false;
  const uint64_t tag = read_varint();
  if (tag >> 32 != 0 || tag >> 3 == 0) throw ProtobufError("a field has a wrong number");
  field_ = static_cast<uint32_t>(tag >> 3);
  wire_type_ = tag & 7;
  switch (wire_type_) {
    case kVarint:
      varint_ = read_varint();
      break;
    case kFixed64:
      bytes_ = take(8);
      break;
    case kLengthDelimited:
      bytes_ = take(read_varint());
      break;
    case kFixed32:
      bytes_ = take(4);
      break;
    default:
      throw ProtobufError("wire type " + std::to_string(wire_type_) + " is not in use");
  }
  return true;
}

uint64_t ProtobufReader::varint() const {
  if (wire_type_ != kVarint) {
    throw ProtobufError("field " + std::to_string(field_) + " is not a number");
  }
  return varint_;
}

float ProtobufReader::float32() const {
  if (wire_type_ != kFixed32) {
    throw ProtobufError("field " + std::to_string(field_) + " is not a 32-bit value");
  }
  float value = 0;
  std::memcpy(&value, bytes_.data(), sizeof(value));
  return value;
}

std::string_view ProtobufReader::bytes() const {
  if (wire_type_ != kLengthDelimited) {
    throw ProtobufError("field " + std::to_string(field_) + " is not a string");
  }
  return bytes_;
}

}  // namespace terse
