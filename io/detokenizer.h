// Ids to text, one id at a time: what a program that prints while it decodes needs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace terse {

/// Turns the ids of one sequence into text. All texts together, flush() included, are exactly what
/// Tokenizer::decode makes of all ids; each text holds whole UTF-8 characters only. The cost of an
/// id does not grow with the length of the sequence. Not to be shared between threads; must not
/// outlive its tokenizer.
class Detokenizer {
 public:
  virtual ~Detokenizer() = default;

  /// Text that is certain now that this id has come; often empty. Valid until the next call.
  std::string_view push(int32_t id);

  /// The text held back so far, because no id follows. A new sequence may start afterwards.
  std::string_view flush();

 protected:
  virtual void on_id(int32_t id, std::string& out) = 0;
  /// Appends what was held back and returns to the state of a new sequence.
  virtual void on_end(std::string& out) = 0;

 private:
  std::string text_;
};

}  // namespace terse
