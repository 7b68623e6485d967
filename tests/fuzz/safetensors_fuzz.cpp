// Safetensors: a header is refused, or its tensors lie inside of the file side by side.
#include "core/error.h"
#include "io/safetensors_header.h"
#include "tests/fuzz/fuzz_target.h"

using namespace terse;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view file = fuzz::text_of(data, size);
  try {
    const uint64_t length =
        safetensors_header_length(std::as_bytes(std::span(data, size)), size, "f");
    fuzz::require(length + 8 <= size, "the header lies inside of the file");
    const SafetensorsHeader header = parse_safetensors_header(file.substr(8, length), size, "f");
    uint64_t end = 0;
    for (const TensorEntry& entry : header.tensors) {
      fuzz::require(entry.begin == end, "tensors lie side by side");
      Tensor tensor{entry.dtype, entry.shape, nullptr};
      fuzz::require(tensor.size() * size_of(entry.dtype) == entry.bytes, "bytes fit the shape");
      end += entry.bytes;
    }
    fuzz::require(header.data_begin + end == size, "tensors fill the file");
    ++fuzz::accepted;
  } catch (const ModelError& error) {
    fuzz::require(std::string_view(error.what()).starts_with("f: "), "an error names the file");
  }
  return 0;
}
