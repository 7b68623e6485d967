// Subwords: a vocabulary (up to the first NUL) is refused, or the rest of the input survives as
// text, and decodes the same at once and id by id when taken as ids.
#include <cstring>
#include <vector>

#include "core/error.h"
#include "io/subword_tokenizer.h"
#include "io/utf8.h"
#include "tests/fuzz/fuzz_target.h"

using namespace terse;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  const size_t end = std::min(input.find('\0'), input.size());
  const std::string_view text = input.substr(std::min(end + 1, input.size()));
  const fuzz::MemoryFile file(input.substr(0, end));
  try {
    const SubwordTokenizer tokenizer(file.path(), 3);
    const std::vector<int32_t> ids = tokenizer.encode(text);
    fuzz::require(tokenizer.decode(ids) == replace_invalid_utf8(text), "a text survives");

    const auto detokenizer = tokenizer.new_detokenizer();
    std::vector<int32_t> any;
    std::string streamed;
    for (const char byte : text) {
      any.push_back(static_cast<int32_t>(static_cast<unsigned char>(byte)));
      const std::string_view piece = detokenizer->push(any.back());
      fuzz::require(!first_invalid_utf8(piece), "no character is split");
      streamed += piece;
    }
    streamed += detokenizer->flush();
    fuzz::require(streamed == tokenizer.decode(any), "streamed text equals the text at once");
    ++fuzz::accepted;
  } catch (const ModelError&) {
  }
  return 0;
}
