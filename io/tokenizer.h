// Text to ids and back, whatever the format of the vocabulary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/detokenizer.h"

namespace terse {

/// A vocabulary. Constant after loading, so threads may share it.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// The ids of a text, without start or end symbols. Bytes that are not UTF-8 count as U+FFFD.
  /// Throws InputError when the text is too long to be encoded.
  virtual std::vector<int32_t> encode(std::string_view text) const = 0;

  /// The text of some ids. Control symbols, reserved ids and ids outside of the vocabulary have
  /// none.
  std::string decode(std::span<const int32_t> ids) const;

  /// Ids are smaller than this number.
  virtual size_t size() const = 0;

  /// A new decoder of one sequence.
  virtual std::unique_ptr<Detokenizer> new_detokenizer() const = 0;
};

/// The tokenizer of a model directory: `spiece.model` or `vocab.subword` (io/FORMAT.md), whose ids
/// start at `n_reserved_ids`. Null when the directory has neither.
/// Throws ModelError: the file is damaged, or there are both.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& model_dir,
                                          size_t n_reserved_ids = 0);

}  // namespace terse
