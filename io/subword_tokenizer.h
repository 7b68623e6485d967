// T2T subword vocabularies (`vocab.subword`), as the released Terraformer uses them.
#pragma once

#include <filesystem>

#include "io/subword_vocabulary.h"
#include "io/tokenizer.h"

namespace terse {

/// SubwordTextEncoder of trax/data/text_encoder.py. Letters and numbers are those of ICU's Unicode
/// version, where Trax takes Python's.
class SubwordTokenizer : public Tokenizer {
 public:
  /// Throws ModelError: the file is absent, larger than 64 MiB, or damaged.
  explicit SubwordTokenizer(const std::filesystem::path& path, size_t n_reserved_ids = 0);

  std::vector<int32_t> encode(std::string_view text) const override;
  size_t size() const override { return n_reserved_ids_ + vocabulary_.size(); }
  std::unique_ptr<Detokenizer> new_detokenizer() const override;

 private:
  void encode_token(std::string_view token, std::vector<int32_t>& ids) const;

  SubwordVocabulary vocabulary_;
  size_t n_reserved_ids_;
};

/// Letters (L*) and numbers (N*) of Unicode: what a word is made of.
bool is_alphanumeric(char32_t c);

}  // namespace terse
