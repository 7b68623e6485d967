// UTF-8: decode one character, find the first wrong byte, replace what is wrong.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace terse {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

/// What stands at the start of some bytes.
struct Utf8Step {
  enum class Kind {
    valid,       // a character
    invalid,     // no character can start like this
    incomplete,  // the bytes end inside what may be a character
  };
  Kind kind = Kind::invalid;
  /// Bytes that belong together: the character, or the longest part of one (at least 1).
  size_t length = 1;
  char32_t code_point = 0;  // of a valid character
};

/// Reads the first character of `bytes`, which must not be empty. Overlong forms, surrogates and
/// code points above U+10FFFF are invalid.
Utf8Step decode_utf8(std::string_view bytes);

/// Offset of the first byte that is not part of a character; nothing when all are.
std::optional<size_t> first_invalid_utf8(std::string_view text);

/// `text` with one U+FFFD for each maximal wrong part, as the Unicode standard recommends.
std::string replace_invalid_utf8(std::string_view text);

/// Appends a code point; one that is no character (a surrogate, or above U+10FFFF) as U+FFFD.
void append_utf8(std::string& out, char32_t code_point);

}  // namespace terse
