// Runs a fuzz target on the files of a corpus and on mutations of them, the same ones every time.
// usage: fuzz_NAME COUNT FILE_OR_DIRECTORY...
// A crash names the file and the mutation, which is written to crash.bin in the working directory.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <vector>

#include "tests/fuzz/fuzz_target.h"

namespace {

using terse::read_file;

constexpr size_t kMaxInputBytes = 1 << 20;

// For the signal handler only.
std::string current_input;
std::string current_name;

void on_crash(int) {
  const int fd = open("crash.bin", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const bool kept = fd >= 0 && write(fd, current_input.data(), current_input.size()) >= 0;
  const std::string_view note = kept ? " (input in crash.bin)\n" : "\n";
  const bool said = write(2, current_name.data(), current_name.size()) >= 0 &&
                    write(2, note.data(), note.size()) >= 0;
  _exit(said ? 1 : 2);
}

size_t up_to(std::mt19937_64& random, size_t count) {
  return count == 0 ? 0 : random() % count;
}

/// One small change; sizes and numbers at their limits are what parsers get wrong.
void mutate(std::string& input, std::mt19937_64& random) {
  static constexpr std::array<char, 14> bytes{0,   1,   127, -128, -1,  '0',  '9',
                                              '"', '{', '}', '[',  ',', '\n', '\\'};
  const size_t at = up_to(random, input.size());
  const size_t length = std::min(input.size() - at, size_t{1} + up_to(random, 16));
  switch (random() % 8) {
    case 0:
      if (!input.empty()) input[at] = static_cast<char>(input[at] ^ 1 << random() % 8);
      break;
    case 1:
      if (!input.empty()) input[at] = bytes[random() % bytes.size()];
      break;
    case 2:
      if (!input.empty()) input[at] = static_cast<char>(random());
      break;
    case 3:
      input.erase(at, length);
      break;
    case 4:
      input.insert(up_to(random, input.size()), input.substr(at, length));
      break;
    case 5:
      input.insert(at, 1, bytes[random() % bytes.size()]);
      break;
    case 6:
      if (random() % 8 == 0) input.resize(at);
      break;
    default:
      std::fill_n(input.begin() + static_cast<std::ptrdiff_t>(at), length, '\xFF');
  }
}

void run(const std::string& input) {
  current_input = input;
  // Memory of the exact size, so that a sanitizer sees a read past the end.
  const auto exact = std::make_unique<uint8_t[]>(input.size());
  std::copy(input.begin(), input.end(), exact.get());
  LLVMFuzzerTestOneInput(exact.get(), input.size());
}

void replay(const std::filesystem::path& path, size_t count) {
  const std::string seed = read_file(path, kMaxInputBytes);
  current_name = path.string() + " unchanged";
  run(seed);
  for (size_t i = 0; i < count; ++i) {
    std::mt19937_64 random(i);
    std::string input = seed;
    for (size_t changes = 1 + up_to(random, 4); changes > 0; --changes) mutate(input, random);
    current_name = path.string() + " mutation " + std::to_string(i);
    run(input);
  }
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s COUNT FILE_OR_DIRECTORY...\n", argv[0]);
    return 2;
  }
  for (const int number : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE}) signal(number, on_crash);
  const size_t count = std::strtoul(argv[1], nullptr, 10);
  size_t files = 0;
  for (int i = 2; i < argc; ++i) {
    for (const auto& file : files_of(argv[i])) {
      replay(file, count);
      ++files;
    }
  }
  std::printf("%zu of %zu inputs accepted, no crash\n", terse::fuzz::accepted, files * (count + 1));
  return terse::fuzz::accepted == 0 ? 1 : 0;
}
