// Safetensors: what is served, and every way in which a file can be wrong.
#include "io/safetensors.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "core/error.h"
#include "tests/io/temporary_directory.h"

using namespace terse;
using terse::test::TemporaryDirectory;

namespace {

constexpr const char* kMetadata = R"("__metadata__":{"format":"terse","layout":"1"})";

/// A file: length, header padded so that the data starts at a multiple of 64, data.
std::string file_of(std::string header, const std::string& data) {
  while ((8 + header.size()) % 64 != 0) header += ' ';
  const uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

std::string header_of(const std::string& tensors) {
  return std::string("{") + kMetadata + (tensors.empty() ? "" : ",") + tensors + "}";
}

std::string floats(std::initializer_list<float> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(float)};
}

constexpr const char* kTwoTensors = R"("b":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                                    R"("a":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]})";

std::string two_tensors() {
  return file_of(header_of(kTwoTensors), floats({1, 2, 3, 4, 5, 6}) + "12345678");
}

void refused(const std::string& bytes, const std::string& reason) {
  const TemporaryDirectory directory;
  const auto path = directory.write("model.safetensors", bytes);
  INFO(bytes);
  CHECK_THROWS_AS(SafetensorsFile(path), ModelError);
  CHECK_THROWS_WITH(SafetensorsFile(path),
                    Catch::StartsWith(path.string() + ": ") && Catch::Contains(reason));
}

void header_refused(const std::string& tensors, const std::string& reason,
                    const std::string& data = "") {
  refused(file_of(header_of(tensors), data), reason);
}

}  // namespace

TEST_CASE("safetensors: tensors are served by name, copied or mapped") {
  const TemporaryDirectory directory;
  const auto path = directory.write("model.safetensors", two_tensors());
  for (const Access access : {Access::automatic, Access::copy, Access::map}) {
    const SafetensorsFile file(path, access);
    CHECK(file.access() == (access == Access::automatic ? Access::copy : access));
    const Tensor b = file.get("b", {2, 3});
    CHECK(b.dtype == DType::f32);
    CHECK(b.f32()[5] == 6.0f);
    CHECK(reinterpret_cast<uintptr_t>(b.data) % 64 == 0);
    CHECK(std::memcmp(file.get("a", {4}).data, "12345678", 8) == 0);
    CHECK(file.contains("a"));
    CHECK_FALSE(file.contains("__metadata__"));
    CHECK(file.total_bytes() == 32);
    CHECK(file.tensor_count() == 2);
    CHECK(file.metadata().at("layout") == "1");
  }
}

TEST_CASE("safetensors: an absent tensor and a wrong shape are refused with both shapes") {
  const TemporaryDirectory directory;
  const SafetensorsFile file(directory.write("m", two_tensors()));
  CHECK_THROWS_WITH(file.get("c", {7}), Catch::Contains("'c' is absent, expected 7"));
  CHECK_THROWS_WITH(file.get("b", {3, 2}), Catch::Contains("'b' is 2x3, expected 3x2"));
}

TEST_CASE("safetensors: iteration follows the file, and tensors never asked for are known") {
  const TemporaryDirectory directory;
  const SafetensorsFile file(directory.write("m", two_tensors()));
  std::vector<std::string> names;
  file.for_each(
      [&](const std::string& name, const Tensor&, const auto*) { names.push_back(name); });
  CHECK(names == std::vector<std::string>{"b", "a"});
  CHECK(file.unused() == names);
  file.get("b", {2, 3});
  CHECK(file.unused() == std::vector<std::string>{"a"});
}

TEST_CASE("safetensors: a large file is copied to memory aligned for huge pages") {
  const TemporaryDirectory directory;
  const size_t count = (size_t{65} << 20) / 4;
  const std::string header =
      header_of(R"("w":{"dtype":"F32","shape":[)" + std::to_string(count) +
                R"(],"data_offsets":[0,)" + std::to_string(4 * count) + "]}");
  const auto path = directory.write("m", file_of(header, floats({7})));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 4 + 4 * count);
  const SafetensorsFile file(path, Access::copy);
  const Tensor w = file.get("w", {count});
  CHECK(reinterpret_cast<uintptr_t>(w.data) % (size_t{2} << 20) == 0);
  CHECK(w.f32()[0] == 7.0f);
  CHECK(w.f32()[count - 1] == 0.0f);
}

TEST_CASE("safetensors: a file cut anywhere is refused") {
  const std::string whole = two_tensors();
  const TemporaryDirectory directory;
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto path = directory.write("m", whole.substr(0, size));
    CHECK_THROWS_AS(SafetensorsFile(path), ModelError);
  }
  refused(whole.substr(0, 7), "has 7 bytes, expected at least 8");
  refused(whole.substr(0, 100), "for its header: the file is cut");
  refused(whole.substr(0, whole.size() - 1), "'a': needs bytes up to ");
}

TEST_CASE("safetensors: bytes after the last tensor are refused") {
  refused(two_tensors() + "x", "bytes follow the last tensor");
}

TEST_CASE("safetensors: an absurd header length is refused before anything is allocated") {
  refused(std::string(8, '\xFF'), "18446744073709551615 bytes");
  refused(std::string("\0\0\0\2\0\0\0\0", 8), "expected at most 16777216");
}

TEST_CASE("safetensors: a header that is no JSON object is refused with the place") {
  refused(file_of("[]", ""), "no JSON object");
  refused(file_of("{", ""), "damaged at byte");
  refused(file_of("\xFF{}", ""), "damaged at byte 8");
  refused(file_of(R"({"a":)" + std::string(100, '[') + "}", ""), "nested deeper");
}

TEST_CASE("safetensors: a name that stands twice is refused") {
  header_refused(R"("x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)"
                 R"("x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})",
                 "\"x\" stands twice");
}

TEST_CASE("safetensors: a file of another program is refused with a hint") {
  refused(file_of("{}", ""), "format nothing, expected \"terse\": convert");
  refused(file_of(R"({"__metadata__":{"format":"pt"}})", ""), "format \"pt\", expected \"terse\"");
  refused(file_of(R"({"__metadata__":{"format":"terse","layout":"2"}})", ""), "layout \"2\"");
  refused(file_of(R"({"__metadata__":{"format":1}})", ""), "is 1, expected a string");
  refused(file_of(R"({"__metadata__":[]})", ""), "__metadata__ is not an object");
}

TEST_CASE("safetensors: unknown types and malformed entries are refused by name") {
  header_refused(R"("x":{"dtype":"F64","shape":[0],"data_offsets":[0,0]})",
                 "'x': has type \"F64\"");
  header_refused(R"("x":{"dtype":7,"shape":[0],"data_offsets":[0,0]})", "has type 7");
  header_refused(R"("x":[])", "'x': is [], expected an object");
  header_refused(R"("x":{"shape":[0],"data_offsets":[0,0]})", "has no dtype");
  header_refused(R"("x":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"y":1})",
                 "unknown key \"y\"");
  header_refused(R"("x":{"dtype":"F32","shape":3,"data_offsets":[0,0]})", "has shape 3");
  header_refused(R"("x":{"dtype":"F32","shape":[-1],"data_offsets":[0,0]})", "a dimension -1");
  header_refused(R"("x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,0]})", "a dimension 1.5");
  header_refused(R"("x":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]})",
                 "has 9 dimensions", "1234");
  header_refused(R"("x":{"dtype":"F32","shape":[0],"data_offsets":[0]})", "expected [begin, end]");
  header_refused(R"("x":{"dtype":"F32","shape":[0],"data_offsets":[4,0]})", "end is before");
}

TEST_CASE("safetensors: sizes that overflow are refused") {
  header_refused(R"("x":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]})",
                 "more bytes than can be counted");
  header_refused(R"("x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]})",
                 "more bytes than can be counted");
  header_refused(R"("x":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,0]})",
                 "a dimension");
}

TEST_CASE("safetensors: offsets must match the shape, in order, without holes or overlap") {
  header_refused(R"("x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]})",
                 "spans 4 bytes, expected 8 for f32 2", "1234");
  header_refused(R"("x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]})", "there is a hole",
                 "12345678");
  header_refused(R"("x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                 R"("y":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})",
                 "overlaps", "1234");
  header_refused(R"("x":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]},)"
                 R"("y":{"dtype":"F32","shape":[1],"data_offsets":[2,6]})",
                 "'y': begins at 2, expected a multiple of 4", "123456");
}

TEST_CASE("safetensors: data that does not start at a multiple of 64 is refused") {
  const std::string header = header_of("") + " ";
  const uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  refused(bytes + header, "expected a multiple of 64");
}

TEST_CASE("safetensors: a flipped bit in the header loads or is refused, and never harms") {
  const std::string whole = two_tensors();
  const TemporaryDirectory directory;
  for (size_t bit = 0; bit < 8 * (whole.size() - 32); ++bit) {
    std::string bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    const auto path = directory.write("m", bytes);
    try {
      const SafetensorsFile file(path);
      unsigned char sum = 0;
      file.for_each([&](const std::string&, const Tensor& tensor, const auto*) {
        for (size_t i = 0; i < tensor.size() * size_of(tensor.dtype); ++i) {
          sum = static_cast<unsigned char>(sum + std::to_integer<int>(tensor.data[i]));
        }
      });
      CHECK(file.total_bytes() == 32);
    } catch (const ModelError& error) {
      CHECK(std::string(error.what()).starts_with(path.string()));
    }
  }
}
