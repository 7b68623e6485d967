// SentencePiece: a model is refused, or it can encode and decode without harm.
#include <vector>

#include "core/error.h"
#include "io/sentencepiece_tokenizer.h"
#include "io/utf8.h"
#include "tests/fuzz/fuzz_target.h"

using namespace terse;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string texts[] = {
      "", " ", "The mill…  ﬁrst ﬂour\tof\u00A0the “river” ÄÖ a\u0308o\u0308 ABＡ <sep><sep2>",
      std::string("\0\xFF\xE2\x82 \xF0\x9F\x98\x80\xC2\xAD", 12), std::string(300, 'a')};
  const fuzz::MemoryFile file(fuzz::text_of(data, size));
  try {
    const SentencePieceTokenizer tokenizer(file.path());
    for (const std::string& text : texts) {
      for (const int32_t id : tokenizer.encode(text)) {
        fuzz::require(id >= 0 && static_cast<size_t>(id) < tokenizer.size(), "an id is valid");
      }
    }
    std::vector<int32_t> ids;
    for (size_t id = 0; id < std::min<size_t>(tokenizer.size(), 1000); ++id) {
      ids.push_back(static_cast<int32_t>(id));
    }
    fuzz::require(!first_invalid_utf8(tokenizer.decode(ids)), "decoded text is UTF-8");
    ++fuzz::accepted;
  } catch (const ModelError&) {
  } catch (const InputError&) {
  }
  return 0;
}
