// A SentencePiece model file, checked before the library sees it.
// Version 0.1.97 of the library crashes on some damaged models (a very long piece, a trie that
// points outside of itself), so the file is read here first and refused when the library could not
// bear it. Message: sentencepiece_model.proto of google/sentencepiece.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace terse {

struct SentencePiece {
  enum class Type { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
  std::string_view text;  // UTF-8, without NUL, not empty
  Type type = Type::normal;
};

/// What decoding needs to know of a model. Views point into the checked bytes.
struct SentencePieceModel {
  std::vector<SentencePiece> pieces;  // by id
  std::string_view unknown_surface = " \xE2\x81\x87 ";
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  /// The most bytes that normalizing can make out of one byte of text.
  size_t max_expansion = 3;
};

/// Reads and checks the bytes of a model file. Throws ModelError naming `path`.
SentencePieceModel check_sentencepiece_model(std::string_view bytes,
                                             const std::filesystem::path& path);

}  // namespace terse
