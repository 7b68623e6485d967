// T2T subwords: golden ids, round trips, escapes, and vocabularies that are damaged.
#include <catch2/catch.hpp>

#include "core/error.h"
#include "io/subword_tokenizer.h"
#include "tests/io/subword_cases.h"
#include "tests/io/temporary_directory.h"
#include "tests/io/tokenizer_cases.h"

using namespace terse;
using namespace terse::test;

namespace {

struct Small {
  TemporaryDirectory directory;
  SubwordTokenizer tokenizer{directory.write("vocab.subword", small_subword_vocabulary())};

  std::vector<std::string> subtokens(std::string_view text) const {
    const SubwordVocabulary vocabulary(small_subword_vocabulary(), "small");
    std::vector<std::string> out;
    for (const int32_t id : tokenizer.encode(text))
      out.push_back(vocabulary[static_cast<size_t>(id)]);
    return out;
  }

  std::string decode(std::initializer_list<const char*> subtokens) const {
    const SubwordVocabulary vocabulary(small_subword_vocabulary(), "small");
    std::vector<int32_t> ids;
    for (const std::string_view subtoken : subtokens) {
      const auto [id, length] = vocabulary.longest_prefix(subtoken);
      REQUIRE(length == subtoken.size());
      ids.push_back(id);
    }
    return tokenizer.decode(ids);
  }
};

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("subwords: ids and texts equal the golden cases") {
  for (const char* name : {"en_8k.subword", "vocab.translate_ende_wmt32k.32768.subwords"}) {
    const auto path = golden_vocabulary(name);
    if (path.empty()) continue;
    const SubwordTokenizer tokenizer(path);
    const SubwordTokenizer shifted(path, 100);
    const auto cases = golden_cases(golden_vocabulary(std::string(name) + ".cases.jsonl"));
    CHECK(cases.size() == 33);
    for (const GoldenCase& c : cases) {
      CHECK(tokenizer.encode(c.text) == c.ids);
      CHECK(tokenizer.decode(c.ids) == c.decoded);
      CHECK(shifted.decode(shifted.encode(c.text)) == c.decoded);
    }
  }
}

TEST_CASE("subwords: words and the rest alternate, a single space between words is implied") {
  const Small small;
  CHECK(small.subtokens("the mill, the straße.") ==
        Strings{"the_", "mill_", ", _", "the_", "straße_", "._"});
  CHECK(small.subtokens("the  mill") == Strings{"the_", " ", " _", "mill_"});
  CHECK(small.subtokens(" the ") == Strings{" _", "the_", " _"});
  CHECK(small.subtokens("river") == Strings{"riv", "er_"});
  CHECK(small.subtokens("").empty());
}

TEST_CASE("subwords: characters that are not in the vocabulary are escaped by number") {
  const Small small;
  CHECK(small.subtokens("ö") == Strings{"\\", "2", "4", "6", ";_"});
  CHECK(small.subtokens("\n") == Strings{"\\", "1", "0", ";_"});
  CHECK(small.subtokens("\\_") == Strings{"\\\\", "\\u", "_"});
  CHECK(small.subtokens("ā") == Strings{"\\", "2", "5", "7", ";_"});
}

TEST_CASE("subwords: decoding follows Trax where encoding never leads") {
  const Small small;
  CHECK(small.decode({"the_", "mill_"}) == "the mill");
  CHECK(small.decode({"the_", "mill_", "riv"}) == "the mill riv");
  CHECK(small.decode({"_", "_", "the_", "_", "mill_"}) == "the mill");
  CHECK(small.decode({"\\", "2", "4", "6"}) == "\\246");
  CHECK(small.decode({"\\", "2", "_", "a"}) == "\\2a");
  CHECK(small.decode({"\\", ";_", "a"}) == "\\;a");
  CHECK(small.decode({"\\", "2", "\\u", "a"}) == "\\2_a");
  CHECK(small.decode({"\\9", "9", "9", "9", "9", "9", "9", "9", "9", "9", "9", "9", ";_"}) == "〓");
  CHECK(small.decode({"\\", "5", "5", "2", "9", "6", ";_"}) == "\xEF\xBF\xBD");  // a surrogate
}

TEST_CASE("subwords: any text survives encoding and decoding") {
  const Small small;
  std::mt19937 random(4);
  for (int round = 0; round < 20000; ++round) {
    const std::string text = random_text(random);
    REQUIRE(small.tokenizer.decode(small.tokenizer.encode(text)) == text);
  }
}

TEST_CASE("subwords: bytes that are not UTF-8 are encoded as U+FFFD") {
  const Small small;
  CHECK(small.tokenizer.decode(small.tokenizer.encode("the \xFFmill")) == "the \xEF\xBF\xBDmill");
}

TEST_CASE("subwords: letters and numbers are Unicode's") {
  for (const char32_t c : U"aZ09éßж日٣Ⅷ½") {
    if (c != 0) CHECK(is_alphanumeric(c));
  }
  for (const char32_t c : {U' ', U'_', U'-', U'\u0301', U'😀', U'〓', char32_t{0xD800}}) {
    CHECK_FALSE(is_alphanumeric(c));
  }
}

TEST_CASE("subwords: lines are read as Trax reads them") {
  std::string base = small_subword_vocabulary();
  const auto last = [&base](const std::string& line) {
    const SubwordVocabulary vocabulary(base + line, "v");
    return vocabulary[vocabulary.size() - 1];
  };
  CHECK(last("'x_'") == "x_");
  CHECK(last("\"x_\"\n") == "x_");
  CHECK(last("x_ \t\r\n") == "x_");
  CHECK(last("' '\r\n") == " ");
  CHECK(last("x_\xE2\x80\x82\n") == "x_");  // U+2002
  CHECK(last("''\n") == "");
  CHECK(last("'\n") == "");
  CHECK(last("'x_\n") == "'x_");
}

TEST_CASE("subwords: of a subtoken that stands twice the last id counts") {
  const SubwordVocabulary vocabulary(small_subword_vocabulary() + "'the_'\n", "v");
  CHECK(vocabulary.longest_prefix("the_mill_") ==
        std::pair<int32_t, size_t>(static_cast<int32_t>(vocabulary.size()) - 1, 4));
}

TEST_CASE("subwords: damaged vocabularies are refused") {
  CHECK_THROWS_WITH(SubwordVocabulary("", "v"), "v:1: the vocabulary is empty");
  CHECK_THROWS_WITH(SubwordVocabulary("a\n\xFF\n", "v"), "v:2: a subtoken is not UTF-8");
  CHECK_THROWS_WITH(SubwordVocabulary(std::string(2000, 'a'), "v"), Catch::Contains("longer than"));
  CHECK_THROWS_WITH(SubwordVocabulary("'the_'\n", "v"),
                    Catch::Contains("is no subtoken of its own"));
}
