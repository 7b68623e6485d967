// The wire format of Protocol Buffers, read field by field and bounds first.
// Encoding: protobuf.dev/programming-guides/encoding.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string_view>

namespace terse {

/// The bytes are not a message.
class ProtobufError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Walks over the fields of one message. Use: `while (reader.next()) switch (reader.field()) ...`
class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view message) : rest_(message) {}

  /// Reads the next field whole. Throws ProtobufError when it is cut or of an unknown kind.
  bool next();

  uint32_t field() const { return field_; }
  /// The values below throw ProtobufError when the field has another wire type.
  uint64_t varint() const;
  float float32() const;
  std::string_view bytes() const;

 private:
  uint64_t read_varint();
  std::string_view take(uint64_t count);

  std::string_view rest_;
  uint32_t field_ = 0;
  uint32_t wire_type_ = 0;
  uint64_t varint_ = 0;
  std::string_view bytes_;  // of a fixed-size or length-delimited field
};

}  // namespace terse
