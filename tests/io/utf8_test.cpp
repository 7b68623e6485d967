// UTF-8: what is valid, where it stops being so, and what stands in its place.
#include "io/utf8.h"

#include <catch2/catch.hpp>
#include <random>

using namespace terse;

TEST_CASE("utf8: every code point survives, surrogates and what lies beyond do not") {
  for (char32_t c = 0; c < 0x110000; ++c) {
    std::string text;
    append_utf8(text, c);
    const Utf8Step step = decode_utf8(text);
    const bool surrogate = c >= 0xD800 && c < 0xE000;
    if (step.kind != Utf8Step::Kind::valid || step.length != text.size() ||
        step.code_point != (surrogate ? 0xFFFD : c)) {
      FAIL("code point " << static_cast<uint32_t>(c));
    }
  }
  std::string text;
  append_utf8(text, 0x110000);
  CHECK(text == kReplacementCharacter);
}

TEST_CASE("utf8: the first wrong byte is found") {
  CHECK_FALSE(first_invalid_utf8("plain, \xC3\xA9, \xF0\x9F\x98\x80"));
  CHECK(first_invalid_utf8("ab\xFF") == 2u);
  CHECK(first_invalid_utf8("ab\xE2\x82") == 2u);
  CHECK(first_invalid_utf8("\xC0\xAF") == 0u);          // overlong
  CHECK(first_invalid_utf8("x\xED\xA0\x80") == 1u);     // a surrogate
  CHECK(first_invalid_utf8("\xF4\x90\x80\x80") == 0u);  // above U+10FFFF
}

// Expected values: Python's bytes.decode("utf-8", "replace").
TEST_CASE("utf8: each maximal wrong part becomes one U+FFFD") {
  const std::string r(kReplacementCharacter);
  CHECK(replace_invalid_utf8("a\xFFz") == "a" + r + "z");
  CHECK(replace_invalid_utf8("\xE2\x82z") == r + "z");
  CHECK(replace_invalid_utf8("\xE2\x82") == r);
  CHECK(replace_invalid_utf8("\xF0\x9F\x98\xF0\x9F\x98\x80") == r + "\xF0\x9F\x98\x80");
  CHECK(replace_invalid_utf8("\xED\xA0\x80") == r + r + r);
  CHECK(replace_invalid_utf8("\xC0\xAF") == r + r);
  CHECK(replace_invalid_utf8("\x80\xBF") == r + r);
  CHECK(replace_invalid_utf8(std::string_view("\0a", 2)) == std::string("\0a", 2));
}

TEST_CASE("utf8: a repaired text is valid, whatever the bytes were") {
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(random() % 12, '\0');
    for (char& byte : bytes)
      byte = static_cast<char>(random() % 4 ? 0x80 + random() % 0x80 : random());
    const std::string repaired = replace_invalid_utf8(bytes);
    REQUIRE_FALSE(first_invalid_utf8(repaired));
    if (!first_invalid_utf8(bytes)) REQUIRE(repaired == bytes);
  }
}
