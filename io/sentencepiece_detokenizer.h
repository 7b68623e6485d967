// Decoding of SentencePiece ids as a state machine, one id at a time.
#pragma once

#include <string>
#include <vector>

#include "io/detokenizer.h"
#include "io/sentencepiece_model.h"

namespace terse {

/// What decoding makes of each id. Constant, shared by all sequences.
struct SentencePieceTable {
  struct Entry {
    SentencePiece::Type type = SentencePiece::Type::normal;
    bool starts_with_space = false;  // with U+2581
    unsigned char byte = 0;          // of a byte piece
    std::string text;  // U+2581 replaced by a space; empty for control and byte pieces
  };

  SentencePieceTable(const SentencePieceModel& model, size_t n_reserved_ids);

  /// Null for reserved ids and ids outside of the vocabulary.
  const Entry* find(int32_t id) const;

  std::vector<Entry> entries;
  size_t n_reserved_ids;
  bool strip_first_space;  // of the first piece with text
  bool strip_all_leading;  // of every piece before the first text
};

/// Follows SentencePieceProcessor::Decode (0.1.97): the space that encoding put before the text
/// goes away again, runs of byte pieces become characters, a byte that fits nowhere becomes U+FFFD.
class SentencePieceDetokenizer : public Detokenizer {
 public:
  explicit SentencePieceDetokenizer(const SentencePieceTable& table) : table_(table) {}

 private:
  void on_id(int32_t id, std::string& out) override;
  void on_end(std::string& out) override;
  void emit(std::string_view text, std::string& out);
  void emit_bytes(bool at_end, std::string& out);

  const SentencePieceTable& table_;
  std::string bytes_;              // of byte pieces, not yet a whole character
  bool has_text_ = false;          // something was emitted
  bool at_start_ = true;           // a leading space would still be stripped
  bool stripped_a_space_ = false;  // by the last piece
};

}  // namespace terse
