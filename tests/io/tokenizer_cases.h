// Texts, random ids and golden cases that the tests of all tokenizers share.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "io/tokenizer.h"
#include "io/utf8.h"

namespace terse::test {

inline std::filesystem::path own_vocabularies() {
  return std::filesystem::path(TERSE_TESTS_DIR) / "golden" / "tokenizers";
}

/// A file of the golden vocabularies, which are not part of the project; empty (and said so) when
/// it is absent.
inline std::filesystem::path golden_vocabulary(const std::string& name) {
  const char* folder = std::getenv("TERSE_GOLDEN_TOKENIZERS");
  const std::filesystem::path path = (folder != nullptr ? std::filesystem::path(folder)
                                                        : std::filesystem::path(TERSE_TESTS_DIR) /
                                                              "../../shared/golden/tokenizers") /
                                     name;
  if (std::filesystem::exists(path)) return path;
  std::cerr << "skipped: no " << path << " (set TERSE_GOLDEN_TOKENIZERS)\n";
  return {};
}

struct GoldenCase {
  std::string text;
  std::vector<int32_t> ids;
  std::string decoded;
};

inline std::vector<GoldenCase> golden_cases(const std::filesystem::path& path) {
  std::vector<GoldenCase> cases;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const nlohmann::json json = nlohmann::json::parse(line);
    cases.push_back({json["text"], json["ids"], json["decoded"]});
  }
  return cases;
}

/// Random ids: mostly of the vocabulary, often the last ones again, sometimes far outside.
inline std::vector<int32_t> random_ids(std::mt19937& random, size_t size, size_t max_length = 40) {
  std::vector<int32_t> ids(random() % max_length);
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i] = static_cast<int32_t>(random() % size);
    if (i > 0 && random() % 8 == 0) ids[i] = ids[i - 1];
    if (random() % 50 == 0) ids[i] = static_cast<int32_t>(random());
  }
  return ids;
}

/// A random text of many scripts, with the characters that tokenizers treat in a special way.
inline std::string random_text(std::mt19937& random, size_t max_length = 30) {
  static constexpr std::u32string_view special = U" \\_u;0123456789\n\t\r'\"<>▁\u00A0\u3000";
  std::string text;
  for (size_t i = random() % max_length; i > 0; --i) {
    switch (random() % 6) {
      case 0:
        append_utf8(text, special[random() % special.size()]);
        break;
      case 1:
        append_utf8(text, random() % 0x110000);
        break;
      case 2:
        append_utf8(text, random() % 0x500);
        break;
      case 3:
        text += ' ';
        break;
      default:
        text += static_cast<char>('a' + random() % 26);
    }
  }
  return text;
}

}  // namespace terse::test
