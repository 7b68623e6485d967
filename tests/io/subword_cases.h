// A small subword vocabulary, written for the tests.
#pragma once

#include <string>
#include <string_view>

namespace terse::test {

/// Every printable ASCII character, some letters beyond it, and a few words.
inline std::string small_subword_vocabulary() {
  std::string content;
  for (const char* token : {"<pad>_", "<EOS>_", "the_", "mill_", "er_", ", _", "._", "r", "riv",
                            "é_", "straße_", "日本", "\\9", "\\u", "\\\\", ";_", " _", "'_"}) {
    content += std::string("'") + token + "'\n";
  }
  for (char c = ' '; c < 127; ++c) content += std::string("'") + c + "'\n";
  for (const char* c : {"é", "ß", "日", "本", "😀", "\u2002"}) {
    content += std::string("'") + c + "'\n";
  }
  return content;
}

}  // namespace terse::test
