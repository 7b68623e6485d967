// A sorted list serves as the trie: each byte of the text narrows the range of subtokens left.
#include "io/subword_vocabulary.h"

#include <algorithm>

#include "core/error.h"
#include "io/utf8.h"

namespace terse {
namespace {

constexpr size_t kMaxSubtokens = size_t{1} << 20;
constexpr size_t kMaxSubtokenBytes = 1024;
constexpr std::string_view kEscapeCharacters = "\\_u;0123456789";

/// Python's str.isspace.
bool is_space(char32_t c) {
  return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

std::string_view without_trailing_space(std::string_view line) {
  size_t end = 0;
  for (size_t at = 0; at < line.size();) {
    const Utf8Step step = decode_utf8(line.substr(at));
    at += step.length;
    if (!is_space(step.code_point)) end = at;
  }
  return line.substr(0, end);
}

std::string_view without_quotes(std::string_view line) {
  const bool quoted =
      !line.empty() && line.front() == line.back() && (line.front() == '\'' || line.front() == '"');
  if (!quoted) return line;
  return line.size() < 2 ? std::string_view{} : line.substr(1, line.size() - 2);
}

}  // namespace

SubwordVocabulary::SubwordVocabulary(std::string_view content, const std::filesystem::path& path) {
  const auto fail = [&](const std::string& what) {
    throw ModelError(path.string() + ":" + std::to_string(subtokens_.size() + 1) + ": " + what);
  };
  while (!content.empty()) {
    const size_t newline = content.find('\n');
    const std::string_view line = content.substr(0, newline);
    content.remove_prefix(newline == std::string_view::npos ? content.size() : newline + 1);
    if (line.size() > kMaxSubtokenBytes) fail("a subtoken is longer than 1024 bytes");
    if (first_invalid_utf8(line)) fail("a subtoken is not UTF-8");
    if (subtokens_.size() == kMaxSubtokens) fail("there are more than 1048576 subtokens");
    subtokens_.emplace_back(without_quotes(without_trailing_space(line)));
  }
  if (subtokens_.empty()) fail("the vocabulary is empty");
  index();
  check_alphabet(path);
}

void SubwordVocabulary::index() {
  const auto add_to_alphabet = [this](std::string_view text) {
    while (!text.empty()) {
      const Utf8Step step = decode_utf8(text);
      alphabet_.insert(step.code_point);
      text.remove_prefix(step.length);
    }
  };
  add_to_alphabet(kEscapeCharacters);
  for (size_t id = 0; id < subtokens_.size(); ++id) {
    add_to_alphabet(subtokens_[id]);
    if (!subtokens_[id].empty()) sorted_.emplace_back(subtokens_[id], static_cast<int32_t>(id));
  }
  // Of a subtoken that stands twice, Trax uses the last id.
  std::sort(sorted_.begin(), sorted_.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second > b.second;
  });
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  sorted_.erase(std::unique(sorted_.begin(), sorted_.end(), same), sorted_.end());
}

void SubwordVocabulary::check_alphabet(const std::filesystem::path& path) const {
  for (const char32_t c : alphabet_) {
    std::string character;
    append_utf8(character, c);
    if (longest_prefix(character).second != 0) continue;
    throw ModelError(path.string() + ": the character '" + character +
                     "' is no subtoken of its own, so some text could not be encoded");
  }
}

std::pair<int32_t, size_t> SubwordVocabulary::longest_prefix(std::string_view text) const {
  std::pair<int32_t, size_t> best{-1, 0};
  auto first = sorted_.begin();
  auto last = sorted_.end();
  for (size_t depth = 0; depth < text.size(); ++depth) {
    const auto byte = static_cast<unsigned char>(text[depth]);
    // In the range all subtokens agree on the first `depth` bytes; a shorter one stands first.
    const auto key = [depth](const auto& entry) {
      return entry.first.size() == depth ? -1 : static_cast<unsigned char>(entry.first[depth]);
    };
    first = std::partition_point(first, last, [&](const auto& e) { return key(e) < byte; });
    last = std::partition_point(first, last, [&](const auto& e) { return key(e) == byte; });
    if (first == last) break;
    if (first->first.size() == depth + 1) best = {first->second, depth + 1};
  }
  return best;
}

}  // namespace terse
