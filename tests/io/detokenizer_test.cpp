// Detokenizing id by id: the same text as at once, whole characters only.
#include "io/detokenizer.h"

#include <catch2/catch.hpp>

#include "io/sentencepiece_tokenizer.h"
#include "io/subword_tokenizer.h"
#include "tests/io/subword_cases.h"
#include "tests/io/temporary_directory.h"
#include "tests/io/tokenizer_cases.h"

using namespace terse;
using namespace terse::test;

namespace {

std::string streamed(Detokenizer& detokenizer, const std::vector<int32_t>& ids) {
  std::string all;
  for (const int32_t id : ids) {
    const std::string_view text = detokenizer.push(id);
    if (first_invalid_utf8(text)) FAIL("a character was split");
    all += text;
  }
  const std::string_view text = detokenizer.flush();
  if (first_invalid_utf8(text)) FAIL("a character was split");
  return all.append(text);
}

void check_random_ids(const Tokenizer& tokenizer, size_t first_ids, unsigned seed) {
  std::mt19937 random(seed);
  const auto detokenizer = tokenizer.new_detokenizer();
  for (int round = 0; round < 5000; ++round) {
    const auto ids = random_ids(random, round % 2 ? first_ids : tokenizer.size());
    REQUIRE(streamed(*detokenizer, ids) == tokenizer.decode(ids));
  }
}

}  // namespace

TEST_CASE("detokenizer: streamed SentencePiece text equals the text decoded at once") {
  for (const char* name : {"small_unigram.model", "small_bpe.model"}) {
    check_random_ids(SentencePieceTokenizer(own_vocabularies() / name, 7), 270, 5);
  }
}

TEST_CASE("detokenizer: streamed subword text equals the text decoded at once") {
  const TemporaryDirectory directory;
  const SubwordTokenizer tokenizer(directory.write("v", small_subword_vocabulary()), 7);
  check_random_ids(tokenizer, 30, 6);
}

TEST_CASE("detokenizer: bytes of a character are held until it is whole") {
  const SentencePieceTokenizer tokenizer(own_vocabularies() / "small_unigram.model");
  const std::vector<int32_t> ids = tokenizer.encode("日");  // a space and three byte pieces
  REQUIRE(ids.size() == 4);
  const auto detokenizer = tokenizer.new_detokenizer();
  for (size_t i = 0; i < 3; ++i) CHECK(detokenizer->push(ids[i]).empty());
  CHECK(detokenizer->push(ids[3]) == "日");
  CHECK(detokenizer->flush().empty());

  detokenizer->push(ids[1]);
  detokenizer->push(ids[2]);
  CHECK(detokenizer->flush() == "\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(detokenizer->push(ids[2]) == "\xEF\xBF\xBD");  // no character starts with this byte
}

TEST_CASE("detokenizer: spaces are kept inside of a text and dropped at its start") {
  const SentencePieceTokenizer tokenizer(own_vocabularies() / "small_unigram.model");
  const std::vector<int32_t> ids = tokenizer.encode("the mill the mill");
  const auto detokenizer = tokenizer.new_detokenizer();
  CHECK(streamed(*detokenizer, ids) == "the mill the mill");
  CHECK(streamed(*detokenizer, ids) == "the mill the mill");  // a new sequence after flush
}

TEST_CASE("detokenizer: a word is given out before it ends, a space only when a word follows") {
  const TemporaryDirectory directory;
  const SubwordTokenizer tokenizer(directory.write("v", small_subword_vocabulary()));
  const std::vector<int32_t> ids = tokenizer.encode("the river.");
  REQUIRE(ids.size() == 4);
  const auto detokenizer = tokenizer.new_detokenizer();
  CHECK(detokenizer->push(ids[0]) == "the");
  CHECK(detokenizer->push(ids[1]) == " riv");
  CHECK(detokenizer->push(ids[2]) == "er");
  CHECK(detokenizer->push(ids[3]) == ".");
  CHECK(detokenizer->flush().empty());
}
