// Escapes: "\u" is '_', "\\" is '\', "\233;" is the character of that number; others stand for
// themselves.
#include "io/subword_detokenizer.h"

#include <charconv>

#include "io/subword_tokenizer.h"
#include "io/utf8.h"

namespace terse {
namespace {

constexpr char32_t kUndefinedCharacter = 0x3013;  // what Trax writes for a number beyond Unicode

char32_t character_of(std::string_view digits) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error != std::errc() || number > 0x10FFFF ? kUndefinedCharacter : number;
}

}  // namespace

void SubwordDetokenizer::on_id(int32_t id, std::string& out) {
  if (id < 0 || static_cast<size_t>(id) < n_reserved_ids_) return;
  const size_t index = static_cast<size_t>(id) - n_reserved_ids_;
  if (index >= vocabulary_.size()) return;
  for (std::string_view rest = vocabulary_[index]; !rest.empty();) {
    const Utf8Step step = decode_utf8(rest);
    on_character(step.code_point, out);
    rest.remove_prefix(step.length);
  }
}

void SubwordDetokenizer::on_end(std::string& out) {
  give_up_escape(out);
  token_is_empty_ = true;
  after_word_ = false;
}

void SubwordDetokenizer::on_character(char32_t c, std::string& out) {
  if (!escape_.empty()) {
    in_escape(c, out);
  } else if (c == '\\') {
    escape_ = '\\';
  } else if (c == '_') {
    end_token();
  } else {
    emit(c, out);
  }
}

void SubwordDetokenizer::in_escape(char32_t c, std::string& out) {
  const bool has_digits = escape_.size() > 1;
  if (c >= '0' && c <= '9') {
    escape_ += static_cast<char>(c);
  } else if (c == ';' && has_digits) {
    const char32_t character = character_of(std::string_view(escape_).substr(1));
    escape_.clear();
    emit(character, out);
  } else if ((c == 'u' || c == '\\') && !has_digits) {
    escape_.clear();
    emit(c == 'u' ? U'_' : U'\\', out);
  } else {
    give_up_escape(out);
    on_character(c, out);
  }
}

void SubwordDetokenizer::give_up_escape(std::string& out) {
  const std::string literal = std::exchange(escape_, {});
  for (const char c : literal) emit(static_cast<unsigned char>(c), out);
}

void SubwordDetokenizer::end_token() {
  if (token_is_empty_) return;
  after_word_ = token_is_word_;
  token_is_empty_ = true;
}

void SubwordDetokenizer::emit(char32_t c, std::string& out) {
  if (token_is_empty_) {
    token_is_empty_ = false;
    token_is_word_ = is_alphanumeric(c);
    if (after_word_ && token_is_word_) out += ' ';
  }
  append_utf8(out, c);
}

}  // namespace terse
