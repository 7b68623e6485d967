// Text -> tokens (runs of letters and numbers, runs of the rest) -> escaped tokens -> longest
// matches.
#include "io/subword_tokenizer.h"

#include <unicode/uchar.h>

#include "core/error.h"
#include "io/file.h"
#include "io/subword_detokenizer.h"
#include "io/utf8.h"

namespace terse {
namespace {

constexpr uint64_t kMaxVocabularyBytes = uint64_t{64} << 20;

/// Cuts `text` where letters and numbers meet other characters. A single space between two words is
/// dropped: decoding puts it back.
std::vector<std::string_view> split_into_tokens(std::string_view text) {
  std::vector<std::string_view> tokens;
  size_t start = 0;
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = decode_utf8(text.substr(at));
    const bool is_word = is_alphanumeric(step.code_point);
    if (at > 0 && is_word != in_word) {
      const std::string_view token = text.substr(start, at - start);
      if (token != " " || start == 0) tokens.push_back(token);
      start = at;
    }
    in_word = is_word;
    at += step.length;
  }
  if (start < text.size()) tokens.push_back(text.substr(start));
  return tokens;
}

}  // namespace

bool is_alphanumeric(char32_t c) {
  return (U_GET_GC_MASK(static_cast<UChar32>(c)) & (U_GC_L_MASK | U_GC_N_MASK)) != 0;
}

SubwordTokenizer::SubwordTokenizer(const std::filesystem::path& path, size_t n_reserved_ids)
    : vocabulary_(read_file(path, kMaxVocabularyBytes), path), n_reserved_ids_(n_reserved_ids) {}

std::vector<int32_t> SubwordTokenizer::encode(std::string_view text) const {
  std::string repaired;
  if (first_invalid_utf8(text)) {
    repaired = replace_invalid_utf8(text);
    text = repaired;
  }
  std::vector<int32_t> ids;
  for (const std::string_view token : split_into_tokens(text)) encode_token(token, ids);
  return ids;
}

void SubwordTokenizer::encode_token(std::string_view token, std::vector<int32_t>& ids) const {
  std::string escaped;
  while (!token.empty()) {
    const Utf8Step step = decode_utf8(token);
    if (step.code_point == '\\') {
      escaped += "\\\\";
    } else if (step.code_point == '_') {
      escaped += "\\u";
    } else if (step.code_point != '\n' && vocabulary_.in_alphabet(step.code_point)) {
      escaped += token.substr(0, step.length);
    } else {
      escaped += '\\' + std::to_string(static_cast<uint32_t>(step.code_point)) + ';';
    }
    token.remove_prefix(step.length);
  }
  escaped += '_';
  for (std::string_view rest = escaped; !rest.empty();) {
    const auto [id, length] = vocabulary_.longest_prefix(rest);
    ids.push_back(id + static_cast<int32_t>(n_reserved_ids_));
    rest.remove_prefix(length);  // never 0: every character of the alphabet is a subtoken
  }
}

std::unique_ptr<Detokenizer> SubwordTokenizer::new_detokenizer() const {
  return std::make_unique<SubwordDetokenizer>(vocabulary_, n_reserved_ids_);
}

}  // namespace terse
