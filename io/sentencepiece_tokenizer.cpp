// The library behind the tokenizer interface: guarded at load, its failures turned into our errors.
#include "io/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "io/file.h"
#include "io/sentencepiece_detokenizer.h"
#include "io/sentencepiece_model.h"

namespace terse {
namespace {

constexpr uint64_t kMaxModelBytes = uint64_t{64} << 20;

std::unique_ptr<sentencepiece::SentencePieceProcessor> load(const std::string& bytes,
                                                            const std::filesystem::path& path) {
  auto processor = std::make_unique<sentencepiece::SentencePieceProcessor>();
  std::string reason;
  try {
    const auto status = processor->LoadFromSerializedProto(bytes);
    if (status.ok()) return processor;
    reason = status.ToString();
  } catch (const std::exception& error) {  // its trie builder throws
    reason = error.what();
  }
  throw ModelError(path.string() + ": SentencePiece refuses the model: " + reason);
}

}  // namespace

SentencePieceTokenizer::SentencePieceTokenizer(const std::filesystem::path& path,
                                               size_t n_reserved_ids)
    : n_reserved_ids_(n_reserved_ids) {
  const std::string bytes = read_file(path, kMaxModelBytes);
  const SentencePieceModel model = check_sentencepiece_model(bytes, path);
  table_ = std::make_unique<SentencePieceTable>(model, n_reserved_ids);
  processor_ = load(bytes, path);
  // The library counts the bytes of the normalized text in an int.
  max_text_bytes_ = std::numeric_limits<int>::max() / model.max_expansion - 16;
}

SentencePieceTokenizer::~SentencePieceTokenizer() = default;

std::vector<int32_t> SentencePieceTokenizer::encode(std::string_view text) const {
  if (text.size() > max_text_bytes_) {
    throw InputError("the text has " + std::to_string(text.size()) + " bytes, expected at most " +
                     std::to_string(max_text_bytes_) + ": split it");
  }
  std::vector<int> ids;
  const auto status = processor_->Encode(text, &ids);
  if (!status.ok()) throw InputError("SentencePiece cannot encode the text: " + status.ToString());
  for (int& id : ids) id += static_cast<int>(n_reserved_ids_);
  return ids;
}

size_t SentencePieceTokenizer::size() const {
  return n_reserved_ids_ + table_->entries.size();
}

std::unique_ptr<Detokenizer> SentencePieceTokenizer::new_detokenizer() const {
  return std::make_unique<SentencePieceDetokenizer>(*table_);
}

}  // namespace terse
