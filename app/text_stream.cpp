#include "app/text_stream.h"

#include <algorithm>

namespace terse {

TextStream::TextStream(const Tokenizer& tokenizer, std::span<const int32_t> prompt)
    : detokenizer_(tokenizer.new_detokenizer()) {
  size_t given = 0;
  for (int32_t id : prompt) given += detokenizer_->push(id).size();
  held_ = tokenizer.decode(prompt).substr(given);
}

std::string_view TextStream::behind_prompt(std::string_view piece) {
  const size_t n = std::min(piece.size(), held_.size());
  if (piece.substr(0, n) != held_.substr(0, n)) {
    // The new tokens changed the prompt's end: half a character became a whole one.
    held_.clear();
    return piece;
  }
  held_.erase(0, n);
  return piece.substr(n);
}

std::string text_after(const Tokenizer& tokenizer, std::span<const int32_t> prompt,
                       std::span<const int32_t> ids) {
  TextStream stream(tokenizer, prompt);
  std::string text;
  for (int32_t id : ids) text += stream.push(id);
  text += stream.flush();
  return text;
}

}  // namespace terse
