// The states of SentencePieceProcessor::Decode, kept between ids.
#include "io/sentencepiece_detokenizer.h"

#include <charconv>

#include "io/utf8.h"

namespace terse {
namespace {

constexpr std::string_view kSpaceSymbol = "\xE2\x96\x81";  // U+2581

std::string with_spaces(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t symbol = text.find(kSpaceSymbol, at);
    out += text.substr(at, symbol - at);
    if (symbol == std::string_view::npos) break;
    out += ' ';
    at = symbol + kSpaceSymbol.size();
  }
  return out;
}

/// The library accepts byte pieces in the form "<0xAB>" only.
unsigned char byte_of(std::string_view piece) {
  unsigned int value = 0;
  if (piece.size() == 6) std::from_chars(piece.data() + 3, piece.data() + 5, value, 16);
  return static_cast<unsigned char>(value);
}

}  // namespace

SentencePieceTable::SentencePieceTable(const SentencePieceModel& model, size_t n_reserved_ids)
    : n_reserved_ids(n_reserved_ids),
      strip_first_space(model.add_dummy_prefix || model.remove_extra_whitespaces),
      strip_all_leading(model.remove_extra_whitespaces) {
  using Type = SentencePiece::Type;
  entries.reserve(model.pieces.size());
  for (const SentencePiece& piece : model.pieces) {
    Entry entry;
    entry.type = piece.type;
    if (piece.type == Type::byte) {
      entry.byte = byte_of(piece.text);
    } else if (piece.type == Type::unknown) {
      entry.text = model.unknown_surface;
    } else if (piece.type != Type::control) {
      entry.starts_with_space = piece.text.starts_with(kSpaceSymbol);
      entry.text = with_spaces(piece.text);
    }
    entries.push_back(std::move(entry));
  }
}

const SentencePieceTable::Entry* SentencePieceTable::find(int32_t id) const {
  if (id < 0 || static_cast<size_t>(id) < n_reserved_ids) return nullptr;
  const size_t index = static_cast<size_t>(id) - n_reserved_ids;
  return index < entries.size() ? &entries[index] : nullptr;
}

void SentencePieceDetokenizer::on_id(int32_t id, std::string& out) {
  const SentencePieceTable::Entry* entry = table_.find(id);
  if (entry == nullptr) return;
  if (entry->type == SentencePiece::Type::byte) {
    bytes_ += static_cast<char>(entry->byte);
    emit_bytes(false, out);
    return;
  }
  emit_bytes(true, out);
  if (stripped_a_space_ || has_text_) at_start_ = false;
  const bool strip = at_start_ && table_.strip_first_space && entry->starts_with_space;
  stripped_a_space_ = strip && !table_.strip_all_leading;
  emit(std::string_view(entry->text).substr(strip ? 1 : 0), out);
}

void SentencePieceDetokenizer::on_end(std::string& out) {
  emit_bytes(true, out);
  has_text_ = false;
  at_start_ = true;
  stripped_a_space_ = false;
}

void SentencePieceDetokenizer::emit(std::string_view text, std::string& out) {
  out += text;
  has_text_ = has_text_ || !text.empty();
}

void SentencePieceDetokenizer::emit_bytes(bool at_end, std::string& out) {
  std::string_view rest = bytes_;
  while (!rest.empty()) {
    const Utf8Step step = decode_utf8(rest);
    if (step.kind == Utf8Step::Kind::incomplete && !at_end) break;
    const bool valid = step.kind == Utf8Step::Kind::valid;
    const size_t length = valid ? step.length : 1;  // the library replaces byte by byte
    emit(valid ? rest.substr(0, length) : kReplacementCharacter, out);
    rest.remove_prefix(length);
  }
  bytes_.erase(0, bytes_.size() - rest.size());
}

}  // namespace terse
