// SentencePiece vocabularies (`spiece.model`).
#pragma once

#include <filesystem>
#include <memory>

#include "io/tokenizer.h"

namespace sentencepiece {
class SentencePieceProcessor;
}

namespace terse {

/// What decoding makes of each id; see SentencePieceDetokenizer.
struct SentencePieceTable;

/// Encoding is the library's; decoding is our own, because the library decodes whole sequences
/// only, and equals the library's result.
class SentencePieceTokenizer : public Tokenizer {
 public:
  /// Throws ModelError: the file is absent, larger than 64 MiB, or no model that is safe to use.
  explicit SentencePieceTokenizer(const std::filesystem::path& path, size_t n_reserved_ids = 0);
  ~SentencePieceTokenizer() override;

  std::vector<int32_t> encode(std::string_view text) const override;
  size_t size() const override;
  std::unique_ptr<Detokenizer> new_detokenizer() const override;

 private:
  std::unique_ptr<sentencepiece::SentencePieceProcessor> processor_;
  std::unique_ptr<const SentencePieceTable> table_;
  size_t n_reserved_ids_;
  size_t max_text_bytes_;
};

}  // namespace terse
