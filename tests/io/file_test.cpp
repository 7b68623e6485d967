// Files and memory: sizes, kinds of file, files that change.
#include "io/file.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "core/error.h"
#include "io/memory.h"
#include "tests/io/temporary_directory.h"

using namespace terse;
using terse::test::TemporaryDirectory;

TEST_CASE("files: a file is read whole, up to a limit") {
  const TemporaryDirectory directory;
  const auto path = directory.write("f", std::string("a\0b", 3));
  CHECK(read_file(path, 3) == std::string("a\0b", 3));
  CHECK_THROWS_WITH(read_file(path, 2), path.string() + ": has 3 bytes, expected at most 2");
  CHECK(read_file(directory.write("empty", ""), 0).empty());
}

TEST_CASE("files: what is no regular file is refused at once") {
  const TemporaryDirectory directory;
  CHECK_THROWS_WITH(read_file(directory.path() / "none", 9), Catch::Contains("No such file"));
  CHECK_THROWS_WITH(read_file(directory.path(), 9), Catch::Contains("is a directory"));
  const auto pipe = directory.path() / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK_THROWS_WITH(read_file(pipe, 9), Catch::Contains("not a regular file"));
}

TEST_CASE("files: a file that was cut while being read is an error with both sizes") {
  const TemporaryDirectory directory;
  const auto path = directory.write("f", "12345678");
  const FileDescriptor file = open_regular_file(path);
  std::filesystem::resize_file(path, 5);
  std::string out(8, '\0');
  CHECK_THROWS_WITH(read_exactly(file, 0, std::as_writable_bytes(std::span(out)), path),
                    Catch::Contains("ends at byte 5, expected 8 bytes"));
}

TEST_CASE("memory: it is aligned, zeroed and can change its owner") {
  AnonymousMemory memory(1000);
  CHECK(memory.bytes().size() == 1000);
  CHECK(reinterpret_cast<uintptr_t>(memory.bytes().data()) % 64 == 0);
  CHECK(memory.bytes()[999] == std::byte{0});
  memory.bytes()[0] = std::byte{1};
  AnonymousMemory other = std::move(memory);
  CHECK(other.bytes()[0] == std::byte{1});
  CHECK(AnonymousMemory(0).bytes().empty());
  CHECK_THROWS_AS(AnonymousMemory(size_t{1} << 62), ModelError);
}

TEST_CASE("memory: the system's estimate of free memory is read") {
  CHECK(available_memory() > (uint64_t{1} << 20));
}
