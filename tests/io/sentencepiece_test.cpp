// SentencePiece: golden ids, and decoding that equals the library's.
#include "io/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include <catch2/catch.hpp>

#include "core/error.h"
#include "tests/io/temporary_directory.h"
#include "tests/io/tokenizer_cases.h"

using namespace terse;
using namespace terse::test;

namespace {

std::vector<std::filesystem::path> models() {
  std::vector<std::filesystem::path> paths{own_vocabularies() / "small_unigram.model",
                                           own_vocabularies() / "small_bpe.model"};
  const auto golden = golden_vocabulary("sentencepiece_32k.model");
  if (!golden.empty()) paths.push_back(golden);
  return paths;
}

}  // namespace

TEST_CASE("sentencepiece: ids and texts equal the golden cases") {
  const auto model = golden_vocabulary("sentencepiece_32k.model");
  if (model.empty()) return;
  const SentencePieceTokenizer tokenizer(model);
  const auto cases = golden_cases(golden_vocabulary("sentencepiece_32k.cases.jsonl"));
  CHECK(cases.size() == 33);
  for (const GoldenCase& c : cases) {
    CHECK(tokenizer.encode(c.text) == c.ids);
    CHECK(tokenizer.decode(c.ids) == c.decoded);
  }
}

TEST_CASE("sentencepiece: the small models encode what they were trained on") {
  const SentencePieceTokenizer unigram(own_vocabularies() / "small_unigram.model");
  CHECK(unigram.decode(unigram.encode("The ﬁrst fox… sees 日本 <sep>x")) ==
        "The first fox... sees 日本 <sep>x");
  const SentencePieceTokenizer bpe(own_vocabularies() / "small_bpe.model");
  CHECK(bpe.decode(bpe.encode("  the  mill 日本 ")) == "  the  mill ? ");
}

TEST_CASE("sentencepiece: decoding equals the library's for random ids") {
  for (const auto& path : models()) {
    const SentencePieceTokenizer tokenizer(path);
    sentencepiece::SentencePieceProcessor library;
    REQUIRE(library.Load(path.string()).ok());
    REQUIRE(tokenizer.size() == static_cast<size_t>(library.GetPieceSize()));
    std::mt19937 random(2);
    for (int round = 0; round < 5000; ++round) {
      std::vector<int32_t> ids;
      for (const int32_t id : random_ids(random, round % 2 ? 300 : tokenizer.size())) {
        if (id >= 0 && id < library.GetPieceSize()) ids.push_back(id);
      }
      std::string expected;
      REQUIRE(library.Decode(ids, &expected).ok());
      REQUIRE(tokenizer.decode(ids) == expected);
    }
  }
}

TEST_CASE("sentencepiece: encoding equals the library's, and any bytes can be encoded") {
  for (const auto& path : models()) {
    const SentencePieceTokenizer tokenizer(path);
    sentencepiece::SentencePieceProcessor library;
    REQUIRE(library.Load(path.string()).ok());
    std::mt19937 random(3);
    for (int round = 0; round < 2000; ++round) {
      std::string text = random_text(random);
      if (round % 4 == 0 && !text.empty())
        text[random() % text.size()] = static_cast<char>(random());
      std::vector<int> expected;
      REQUIRE(library.Encode(text, &expected).ok());
      REQUIRE(tokenizer.encode(text) == expected);
    }
  }
}

TEST_CASE("sentencepiece: ids start after the reserved ones, which have no text") {
  const auto path = own_vocabularies() / "small_unigram.model";
  const SentencePieceTokenizer plain(path);
  const SentencePieceTokenizer shifted(path, 100);
  CHECK(shifted.size() == plain.size() + 100);
  std::vector<int32_t> ids = plain.encode("The mill");
  for (int32_t& id : ids) id += 100;
  CHECK(shifted.encode("The mill") == ids);
  ids.insert(ids.begin(), 1);
  ids.push_back(99);
  CHECK(shifted.decode(ids) == "The mill");
}

TEST_CASE("sentencepiece: ids outside of the vocabulary and control symbols have no text") {
  const SentencePieceTokenizer tokenizer(own_vocabularies() / "small_unigram.model");
  std::vector<int32_t> ids = tokenizer.encode("The mill");
  ids.insert(ids.begin() + 1, {-1, 1, static_cast<int32_t>(tokenizer.size()), 2147483647});
  CHECK(tokenizer.decode(ids) == "The mill");
}

TEST_CASE("tokenizers: a model directory has one vocabulary or none") {
  const TemporaryDirectory directory;
  CHECK(load_tokenizer(directory.path()) == nullptr);
  std::filesystem::copy(own_vocabularies() / "small_bpe.model", directory.path() / "spiece.model");
  const auto tokenizer = load_tokenizer(directory.path(), 3);
  REQUIRE(tokenizer != nullptr);
  CHECK(tokenizer->size() == 203);
  directory.write("vocab.subword", "'a_'\n");
  CHECK_THROWS_AS(load_tokenizer(directory.path()), ModelError);
}
