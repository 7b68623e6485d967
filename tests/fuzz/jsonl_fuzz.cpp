// JSON lines: the reader gives back every line, and a record is parsed or refused.
#include <vector>

#include "core/error.h"
#include "io/jsonl.h"
#include "tests/fuzz/fuzz_target.h"

using namespace terse;

namespace {

constexpr size_t kMaxLineBytes = 100;

/// What LineReader has to give, made from all bytes at once. A line too long stands as its size.
std::vector<std::string> expected_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t newline = text.find('\n');
    std::string_view line = text.substr(0, newline);
    const size_t whole = line.size();
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line.size() > kMaxLineBytes ? "too long: " + std::to_string(whole)
                                                : std::string(line));
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
  }
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const std::vector<std::string> expected = expected_lines(text);
  const fuzz::MemoryFile file(text);
  LineReader reader(file.fd(), "f", kMaxLineBytes);
  for (const std::string& line : expected) {
    Line found;
    try {
      fuzz::require(reader.next(found), "no line is lost");
    } catch (const InputError& error) {
      const std::string size_of_line = line.substr(line.rfind(' ') + 1);
      fuzz::require(line.starts_with("too long: "), "only a long line is refused");
      fuzz::require(std::string_view(error.what()).find(" has " + size_of_line + " bytes") !=
                        std::string_view::npos,
                    "the size of a long line is told");
      continue;
    }
    fuzz::require(found.text == line, "a line is given as it is");
    fuzz::require(text.substr(found.offset).starts_with(line), "the offset is the line's");
    try {
      const nlohmann::json record = parse_record(found, "f");
      fuzz::require(record.is_object(), "a record is an object");
      fuzz::require(nlohmann::json::parse(to_json_line(record)) == record, "a record survives");
    } catch (const InputError&) {
    }
  }
  ++fuzz::accepted;
  Line none;
  fuzz::require(!reader.next(none), "no line is made up");
  return 0;
}
