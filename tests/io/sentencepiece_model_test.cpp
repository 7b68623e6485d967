// Damaged SentencePiece models: all are refused before the library, which would crash, sees them.
#include "io/sentencepiece_model.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <limits>

#include "core/error.h"
#include "io/charsmap.h"
#include "io/file.h"
#include "io/protobuf_reader.h"
#include "io/sentencepiece_tokenizer.h"
#include "tests/io/temporary_directory.h"
#include "tests/io/tokenizer_cases.h"

using namespace terse;
using namespace terse::test;

namespace {

std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}

std::string number(uint32_t field, uint64_t value) {
  return varint(field << 3) + varint(value);
}

std::string bytes(uint32_t field, const std::string& value) {
  return varint(field << 3 | 2) + varint(value.size()) + value;
}

std::string score(float value) {
  std::string out = varint(2 << 3 | 5) + "1234";
  std::memcpy(out.data() + 1, &value, 4);
  return out;
}

std::string piece(const std::string& text, int type = 1, float value = -1) {
  return bytes(1, bytes(1, text) + score(value) + number(3, static_cast<uint64_t>(type)));
}

const std::string kUnknown = piece("<unk>", 2);

std::string units(const std::vector<uint32_t>& values) {
  return {reinterpret_cast<const char*>(values.data()), 4 * values.size()};
}

std::string charsmap(const std::vector<uint32_t>& trie, const std::string& replacements) {
  return units({static_cast<uint32_t>(4 * trie.size())}) + units(trie) + replacements;
}

/// A trie of 512 units, in which 'a' leads from the root (unit 0, children from 256) to `state`.
std::vector<uint32_t> trie_with_a(uint32_t state, bool leaf) {
  std::vector<uint32_t> trie(512, 0x80000000u | 0xFFFF);
  trie[0] = 256u << 10;
  const uint32_t unit = 256u ^ 'a';
  trie[unit] = (unit ^ state) << 10 | (leaf ? 1u << 8 : 0) | 'a';
  return trie;
}

void refused(const std::string& model, const std::string& reason) {
  CHECK_THROWS_AS(check_sentencepiece_model(model, "m"), ModelError);
  CHECK_THROWS_WITH(
      check_sentencepiece_model(model, "m"),
      Catch::StartsWith("m: is no usable SentencePiece model: ") && Catch::Contains(reason));
}

/// Loads a model and uses it; a refusal is fine, a crash is not.
bool survives(const std::string& model, const TemporaryDirectory& directory) {
  const auto path = directory.write("spiece.model", model);
  try {
    const SentencePieceTokenizer tokenizer(path);
    std::vector<int32_t> ids =
        tokenizer.encode("The ﬁrst mill… \xC2\xAD 日本 a\xCC\x88 <sep> \xFF");
    for (int32_t id = 0; id < 300; ++id) ids.push_back(id);
    tokenizer.decode(ids);
    return true;
  } catch (const ModelError&) {
    return false;
  } catch (const InputError&) {
    return true;
  }
}

}  // namespace

TEST_CASE("sentencepiece models: a model built by hand is accepted") {
  const TemporaryDirectory directory;
  CHECK(survives(kUnknown + piece("a"), directory));
  std::vector<uint32_t> trie = trie_with_a(0x1FE, true);
  trie[0x1FE] = 0x80000000u;  // the replacement at 0
  const std::string rules = charsmap(trie, std::string("b\0", 2));
  CHECK(survives(kUnknown + piece("▁") + piece("b") + bytes(3, bytes(2, rules)), directory));
  const SentencePieceTokenizer tokenizer(directory.path() / "spiece.model");
  CHECK(tokenizer.decode(tokenizer.encode("aab")) == "bbb");
}

TEST_CASE("sentencepiece models: a very long piece is refused") {
  refused(kUnknown + piece(std::string(200'000, 'a')),
          "piece 1 has 200000 bytes, expected at most 1024");
}

TEST_CASE("sentencepiece models: a trie that points outside of itself is refused") {
  const std::string rules = charsmap({0}, std::string("\0", 1));
  refused(kUnknown + piece("a") + bytes(3, bytes(2, rules)), "outside of 1 units");
}

TEST_CASE("sentencepiece models: pieces must be short, valid and unique") {
  refused("", "there are no pieces");
  refused(piece(""), "piece 0 is empty");
  refused(bytes(1, score(1)), "piece 0 is empty");
  refused(piece(std::string("a\0", 2)), "holds a NUL byte");
  refused(piece("\xFF"), "is not UTF-8");
  refused(piece("a", 9), "type 9, expected 1 to 6");
  refused(piece("a", 1, std::numeric_limits<float>::quiet_NaN()), "a score that is no number");
  refused(kUnknown + piece("a") + piece("a", 3), "'a' stands twice");
}

TEST_CASE("sentencepiece models: settings that the library cannot bear are refused") {
  refused(kUnknown + bytes(2, number(3, 7)), "the model type is 7");
  refused(kUnknown + bytes(2, bytes(44, "\xFF")), "surface of unknown pieces");
  refused(kUnknown + bytes(4, std::string(70000, '\n')), "self-test");
  refused(kUnknown + bytes(5, bytes(2, "x")), "after decoding are not supported");
}

TEST_CASE("sentencepiece models: more nested symbols than the library counts are refused") {
  std::string model = kUnknown;
  for (size_t length = 1; length <= 64; ++length) model += piece(std::string(length, 'a'), 4);
  const TemporaryDirectory directory;
  CHECK(survives(model, directory));
  refused(model + piece(std::string(65, 'a'), 4), "more than 64 user-defined symbols");
}

TEST_CASE("sentencepiece models: bytes that are no message are refused") {
  refused("\x0A\x7F", "a field needs 127 bytes, found 0");
  refused("\x0B", "wire type 3");
  refused(std::string("\x00\x00", 2), "wrong number");
  refused(std::string(11, '\xFF'), "more than 10 bytes");
  refused(number(1, 5), "field 1 is not a string");
  refused(bytes(1, number(1, 5)), "field 1 is not a string");
  refused(bytes(1, bytes(2, "x")), "field 2 is not a 32-bit value");
  refused(bytes(1, bytes(3, "x")), "field 3 is not a number");
}

TEST_CASE("charsmap: rules that lie inside of the table are accepted") {
  std::vector<uint32_t> trie = trie_with_a(0x1FE, true);
  trie[0x1FE] = 0x80000000u | 1;
  CHECK(check_charsmap(charsmap(trie, std::string("\0bcd\0", 5))) == 3);
}

TEST_CASE("charsmap: values, sizes and ends that are wrong are refused") {
  std::vector<uint32_t> trie = trie_with_a(0x1FE, true);
  trie[0x1FE] = 0x80000000u | 5;
  CHECK_THROWS_WITH(check_charsmap(charsmap(trie, std::string("\0bcd\0", 5))),
                    Catch::Contains("a replacement at 5 lies outside of 5 bytes"));
  trie[0x1FE] = 0x80000000u | 1;
  CHECK_THROWS_WITH(check_charsmap(charsmap(trie, std::string("\0bcd", 4))),
                    Catch::Contains("does not end"));
  CHECK_THROWS_WITH(check_charsmap(charsmap(trie, '\0' + std::string(2000, 'x') + '\0')),
                    Catch::Contains("does not end"));
  CHECK_THROWS_WITH(check_charsmap("abc"), Catch::Contains("no size"));
  CHECK_THROWS_WITH(check_charsmap(units({8, 0, 0})), Catch::Contains("8 of 8 bytes"));
  CHECK_THROWS_WITH(check_charsmap(units({7, 0, 0})), Catch::Contains("7 of 8 bytes"));
}

TEST_CASE("charsmap: a trie whose states form a ring is refused") {
  CHECK_THROWS_WITH(check_charsmap(charsmap(trie_with_a(256, false), std::string("\0", 1))),
                    Catch::Contains("leads back to itself"));
}

TEST_CASE("charsmap: more rules for one text than the library counts are refused") {
  // A chain of blocks: every 'a' goes to the next block and ends a rule.
  const auto chain = [](uint32_t links) {
    std::vector<uint32_t> trie(256 * (links + 2), 0x80000000u);
    trie[0] = 256u << 10;
    for (uint32_t link = 1; link <= links; ++link) {
      const uint32_t unit = 256 * link ^ 'a';
      const uint32_t next = 256 * (link + 1);
      trie[unit] = (unit ^ next) << 10 | 1u << 8 | 'a';
    }
    return charsmap(trie, std::string("\0", 1));
  };
  CHECK(check_charsmap(chain(32)) == 0);
  CHECK_THROWS_WITH(check_charsmap(chain(33)), Catch::Contains("more than 32 rules"));
}

TEST_CASE("sentencepiece models: a model cut anywhere loads or is refused") {
  const TemporaryDirectory directory;
  const std::string model = read_file(own_vocabularies() / "small_bpe.model", 1 << 20);
  for (size_t size = 0; size < model.size(); size += 7) survives(model.substr(0, size), directory);
  CHECK(survives(model, directory));
}

TEST_CASE("sentencepiece models: a flipped bit loads or is refused, and encoding never crashes") {
  const TemporaryDirectory directory;
  for (const char* name : {"small_unigram.model", "small_bpe.model"}) {
    const std::string model = read_file(own_vocabularies() / name, 1 << 20);
    size_t loaded = 0;
    for (size_t bit = 0; bit < 8 * model.size(); bit += 37) {
      std::string flipped = model;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
      loaded += survives(flipped, directory);
    }
    CHECK(loaded > 0);
  }
}
