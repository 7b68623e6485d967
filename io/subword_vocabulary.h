// The subwords of a T2T SubwordTextEncoder: the file format, and the longest match.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace terse {

/// The subtokens by id, as `_load_from_file_object` of trax/data/text_encoder.py reads them: one a
/// line, white space at the end of the line cut, one pair of quotes around it taken away.
class SubwordVocabulary {
 public:
  /// Throws ModelError naming `path` and the line: not UTF-8, a subtoken that is too long, or a
  /// character of the alphabet that is no subtoken itself, so that some text could not be encoded.
  SubwordVocabulary(std::string_view content, const std::filesystem::path& path);

  SubwordVocabulary(const SubwordVocabulary&) = delete;  // the index points into the texts

  size_t size() const { return subtokens_.size(); }
  const std::string& operator[](size_t id) const { return subtokens_[id]; }

  /// A character that escaped text may contain as it is.
  bool in_alphabet(char32_t c) const { return alphabet_.contains(c); }

  /// The longest subtoken that `text` starts with: its id and its length in bytes.
  /// The length is 0 when there is none.
  std::pair<int32_t, size_t> longest_prefix(std::string_view text) const;

 private:
  void index();
  void check_alphabet(const std::filesystem::path& path) const;

  std::vector<std::string> subtokens_;
  std::vector<std::pair<std::string_view, int32_t>> sorted_;  // each text once: its last id
  std::unordered_set<char32_t> alphabet_;
};

}  // namespace terse
