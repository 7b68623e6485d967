// Decoding of T2T subword ids as a state machine, one id at a time.
#pragma once

#include <string>

#include "io/detokenizer.h"
#include "io/subword_vocabulary.h"

namespace terse {

/// Follows SubwordTextEncoder.decode and tokenizer.decode of trax/data: '_' ends a token, escapes
/// become characters, two neighbouring words get a space between them.
class SubwordDetokenizer : public Detokenizer {
 public:
  SubwordDetokenizer(const SubwordVocabulary& vocabulary, size_t n_reserved_ids)
      : vocabulary_(vocabulary), n_reserved_ids_(n_reserved_ids) {}

 private:
  void on_id(int32_t id, std::string& out) override;
  void on_end(std::string& out) override;

  void on_character(char32_t c, std::string& out);
  void in_escape(char32_t c, std::string& out);
  void give_up_escape(std::string& out);
  void end_token();
  void emit(char32_t c, std::string& out);

  const SubwordVocabulary& vocabulary_;
  size_t n_reserved_ids_;
  std::string escape_;          // "\" and digits of an escape that has no end yet
  bool token_is_empty_ = true;  // nothing of the current token was emitted
  bool token_is_word_ = false;  // it starts with a letter or number
  bool after_word_ = false;     // the token before it did
};

}  // namespace terse
