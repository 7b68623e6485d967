// Decoding is the same for all vocabularies: one detokenizer over all ids.
#include "io/tokenizer.h"

#include <limits>

#include "core/error.h"
#include "io/sentencepiece_tokenizer.h"
#include "io/subword_tokenizer.h"

namespace terse {

std::string_view Detokenizer::push(int32_t id) {
  text_.clear();
  on_id(id, text_);
  return text_;
}

std::string_view Detokenizer::flush() {
  text_.clear();
  on_end(text_);
  return text_;
}

std::string Tokenizer::decode(std::span<const int32_t> ids) const {
  const std::unique_ptr<Detokenizer> detokenizer = new_detokenizer();
  std::string text;
  for (const int32_t id : ids) text += detokenizer->push(id);
  text += detokenizer->flush();
  return text;
}

std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& model_dir,
                                          size_t n_reserved_ids) {
  const std::filesystem::path pieces = model_dir / "spiece.model";
  const std::filesystem::path subwords = model_dir / "vocab.subword";
  const bool has_pieces = std::filesystem::exists(pieces);
  const bool has_subwords = std::filesystem::exists(subwords);
  if (has_pieces && has_subwords) {
    throw ModelError(model_dir.string() +
                     ": has spiece.model and vocab.subword, expected only one");
  }
  if (has_pieces) return std::make_unique<SentencePieceTokenizer>(pieces, n_reserved_ids);
  if (has_subwords) return std::make_unique<SubwordTokenizer>(subwords, n_reserved_ids);
  return nullptr;
}

}  // namespace terse
