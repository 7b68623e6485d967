// Reads the message that the library will read, and refuses what the library could not bear.
#include "io/sentencepiece_model.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/error.h"
#include "io/charsmap.h"
#include "io/protobuf_reader.h"
#include "io/utf8.h"

namespace terse {
namespace {

constexpr size_t kMaxPieces = size_t{1} << 20;
constexpr size_t kMaxPieceBytes = 1024;   // the library's recursion is as deep as a piece is long
constexpr size_t kMaxNestedSymbols = 64;  // results of the library's PrefixMatcher
constexpr size_t kMaxSelfTestBytes = 65536;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

struct NormalizerSpec {
  std::string_view charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
};

void check_piece_text(std::string_view text, size_t id) {
  const std::string piece = "piece " + std::to_string(id);
  if (text.empty()) fail(piece + " is empty");
  if (text.size() > kMaxPieceBytes) {
    fail(piece + " has " + std::to_string(text.size()) + " bytes, expected at most " +
         std::to_string(kMaxPieceBytes));
  }
  if (text.find('\0') != std::string_view::npos) fail(piece + " holds a NUL byte");
  if (first_invalid_utf8(text)) fail(piece + " is not UTF-8");
}

SentencePiece read_piece(std::string_view message, size_t id) {
  SentencePiece piece;
  ProtobufReader reader(message);
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        piece.text = reader.bytes();
        break;
      case 2:
        if (!std::isfinite(reader.float32())) {
          fail("piece " + std::to_string(id) + " has a score that is no number");
        }
        break;
      case 3:
        if (reader.varint() < 1 || reader.varint() > 6) {
          fail("piece " + std::to_string(id) + " has type " + std::to_string(reader.varint()) +
               ", expected 1 to 6");
        }
        piece.type = static_cast<SentencePiece::Type>(reader.varint());
        break;
    }
  }
  check_piece_text(piece.text, id);
  return piece;
}

void read_trainer_spec(std::string_view message, SentencePieceModel& model) {
  ProtobufReader reader(message);
  while (reader.next()) {
    if (reader.field() == 3 && (reader.varint() < 1 || reader.varint() > 4)) {
      fail("the model type is " + std::to_string(reader.varint()) + ", expected 1 to 4");
    }
    if (reader.field() == 44) {
      const std::string_view surface = reader.bytes();
      if (surface.size() > kMaxPieceBytes || first_invalid_utf8(surface)) {
        fail("the surface of unknown pieces is not a short UTF-8 text");
      }
      model.unknown_surface = surface.substr(0, surface.find('\0'));
    }
  }
}

void read_normalizer_spec(std::string_view message, NormalizerSpec& spec) {
  ProtobufReader reader(message);
  while (reader.next()) {
    if (reader.field() == 2) spec.charsmap = reader.bytes();
    if (reader.field() == 3) spec.add_dummy_prefix = reader.varint() != 0;
    if (reader.field() == 4) spec.remove_extra_whitespaces = reader.varint() != 0;
    if (reader.field() == 5) reader.varint();
  }
}

/// Two pieces with one text would make an id ambiguous, also where the library accepts them.
void check_unique(const std::vector<SentencePiece>& pieces) {
  std::vector<std::string_view> texts;
  for (const SentencePiece& piece : pieces) texts.push_back(piece.text);
  std::sort(texts.begin(), texts.end());
  const auto twice = std::adjacent_find(texts.begin(), texts.end());
  if (twice != texts.end()) fail("the piece '" + std::string(*twice) + "' stands twice");
}

/// The library keeps a fixed number of user-defined symbols that are prefixes of one text.
void check_nesting(const std::vector<SentencePiece>& pieces) {
  std::vector<std::string_view> symbols;
  for (const SentencePiece& piece : pieces) {
    if (piece.type == SentencePiece::Type::user_defined) symbols.push_back(piece.text);
  }
  std::sort(symbols.begin(), symbols.end());
  std::vector<std::string_view> prefixes;  // of the current symbol, each a prefix of the next
  for (const std::string_view symbol : symbols) {
    while (!prefixes.empty() && !symbol.starts_with(prefixes.back())) prefixes.pop_back();
    prefixes.push_back(symbol);
    if (prefixes.size() > kMaxNestedSymbols) fail("more than 64 user-defined symbols are nested");
  }
}

SentencePieceModel read_model(std::string_view bytes) {
  SentencePieceModel model;
  NormalizerSpec normalizer;
  NormalizerSpec denormalizer;
  size_t self_test_bytes = 0;
  ProtobufReader reader(bytes);
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        if (model.pieces.size() == kMaxPieces) fail("there are more than 1048576 pieces");
        model.pieces.push_back(read_piece(reader.bytes(), model.pieces.size()));
        break;
      case 2:
        read_trainer_spec(reader.bytes(), model);
        break;
      case 3:
        read_normalizer_spec(reader.bytes(), normalizer);
        break;
      case 4:
        self_test_bytes += reader.bytes().size();
        break;
      case 5:
        read_normalizer_spec(reader.bytes(), denormalizer);
        break;
    }
  }
  if (model.pieces.empty()) fail("there are no pieces");
  if (self_test_bytes > kMaxSelfTestBytes) fail("its self-test is longer than 65536 bytes");
  if (!denormalizer.charsmap.empty()) fail("rules applied after decoding are not supported");
  check_unique(model.pieces);
  check_nesting(model.pieces);
  if (!normalizer.charsmap.empty()) {
    // A space in a replacement becomes the three bytes of U+2581.
    model.max_expansion = 3 * std::max<size_t>(1, check_charsmap(normalizer.charsmap));
  }
  model.add_dummy_prefix = normalizer.add_dummy_prefix;
  model.remove_extra_whitespaces = normalizer.remove_extra_whitespaces;
  return model;
}

}  // namespace

SentencePieceModel check_sentencepiece_model(std::string_view bytes,
                                             const std::filesystem::path& path) {
  try {
    return read_model(bytes);
  } catch (const std::runtime_error& error) {
    throw ModelError(path.string() + ": is no usable SentencePiece model: " + error.what());
  }
}

}  // namespace terse
