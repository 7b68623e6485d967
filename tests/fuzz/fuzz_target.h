// What the fuzz targets share: the entry point's name, checks, and files that live in memory.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "io/file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace terse::fuzz {

/// How many inputs were accepted as what the target reads: a corpus of refused ones tests little.
inline size_t accepted = 0;

/// A property that no input may break. It holds in release builds too.
inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", property);
  std::abort();
}

/// A file with some content, for code that opens a path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content) : file_(memfd_create("fuzz", MFD_CLOEXEC)) {
    while (!content.empty()) {
      const ssize_t written = write(file_.get(), content.data(), content.size());
      require(written > 0, "a memory file can be written");
      content.remove_prefix(static_cast<size_t>(written));
    }
    lseek(file_.get(), 0, SEEK_SET);
  }

  int fd() const { return file_.get(); }
  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(file_.get()); }

 private:
  FileDescriptor file_;
};

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace terse::fuzz
