// The text of new tokens, as it follows a prompt.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "io/tokenizer.h"

namespace terse {

/// Like a Detokenizer, for tokens behind a prompt: the prompt's text and all pieces together are
/// the text of all tokens. So a space between the prompt and the first new word is part of the
/// first piece. Must not outlive the tokenizer.
class TextStream {
 public:
  TextStream(const Tokenizer& tokenizer, std::span<const int32_t> prompt);

  /// Text that is certain now; often empty. Valid until the next call.
  std::string_view push(int32_t id) { return behind_prompt(detokenizer_->push(id)); }
  std::string_view flush() { return behind_prompt(detokenizer_->flush()); }

 private:
  std::string_view behind_prompt(std::string_view piece);

  std::unique_ptr<Detokenizer> detokenizer_;
  std::string held_;  // the prompt's text that the detokenizer has not given out yet
};

/// The whole text of `ids` behind `prompt`.
std::string text_after(const Tokenizer& tokenizer, std::span<const int32_t> prompt,
                       std::span<const int32_t> ids);

}  // namespace terse
