// Lines and records: ends of lines, long lines, interrupted and failing reads.
#include "io/jsonl.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "core/error.h"
#include "io/file.h"
#include "tests/io/temporary_directory.h"

using namespace terse;
using terse::test::TemporaryDirectory;

namespace {

std::vector<std::string> lines_of(const std::string& content, size_t limit = 1 << 20) {
  const TemporaryDirectory directory;
  const FileDescriptor file = open_regular_file(directory.write("in", content));
  LineReader reader(file.get(), "in", limit);
  std::vector<std::string> lines;
  for (Line line;;) {
    try {
      if (!reader.next(line)) return lines;
      const std::string place =
          std::to_string(line.number) + "@" + std::to_string(line.offset) + ":";
      lines.push_back(place + std::string(line.text));
    } catch (const InputError& error) {
      lines.push_back(error.what());
    }
  }
}

using Strings = std::vector<std::string>;

void ignore_signal(int) {}

}  // namespace

TEST_CASE("lines: both ends of a line are accepted, and a last line without one") {
  CHECK(lines_of("").empty());
  CHECK(lines_of("a\nb\n") == Strings{"1@0:a", "2@2:b"});
  CHECK(lines_of("a\r\n\r\nb") == Strings{"1@0:a", "2@3:", "3@5:b"});
  CHECK(lines_of("\n\n") == Strings{"1@0:", "2@1:"});
  CHECK(lines_of("a\rb\n") == Strings{"1@0:a\rb"});
  CHECK(lines_of(std::string("\0\n", 2)) == Strings{std::string("1@0:\0", 5)});
}

TEST_CASE("lines: a line too long is an error with its number, the next one is read") {
  const Strings expected{"1@0:1234", "in: line 2 has 5 bytes, expected at most 4", "3@11:x"};
  CHECK(lines_of("1234\n12345\nx\n", 4) == expected);
  CHECK(lines_of("1234\r\n", 4) == Strings{"1@0:1234"});
  CHECK(lines_of("12345", 4) == Strings{"in: line 1 has 5 bytes, expected at most 4"});
  const Strings long_lines = lines_of(std::string(1'000'000, 'x') + "\nend", 1000);
  CHECK(long_lines ==
        Strings{"in: line 1 has 1000000 bytes, expected at most 1000", "2@1000001:end"});
}

TEST_CASE("lines: lines of any length are read whole across the buffer's edges") {
  std::string content;
  for (const size_t length : {65534, 65535, 65536, 65537, 300000, 0, 1}) {
    content += std::string(length, static_cast<char>('a' + length % 26)) + "\n";
  }
  size_t total = 0;
  for (const std::string& line : lines_of(content)) total += line.size() - line.find(':');
  CHECK(total == content.size());
}

TEST_CASE("lines: a pipe that delivers byte by byte, with signals in between") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const FileDescriptor input(ends[0]);
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = ignore_signal;  // without SA_RESTART: reads are interrupted
  sigaction(SIGUSR1, &action, &before);
  const pthread_t reading = pthread_self();
  std::thread writer([&] {
    for (const char c : std::string("ab\ncd\n")) {
      pthread_kill(reading, SIGUSR1);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      CHECK(write(ends[1], &c, 1) == 1);
    }
    close(ends[1]);
  });
  LineReader reader(input.get(), "stdin");
  Line line;
  std::string all;
  while (reader.next(line)) all += std::string(line.text) + "|";
  writer.join();
  sigaction(SIGUSR1, &before, nullptr);
  CHECK(all == "ab|cd|");
}

TEST_CASE("lines: a signal that asks to stop ends the input") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const FileDescriptor input(ends[0]);
  const FileDescriptor output(ends[1]);
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = ignore_signal;
  sigaction(SIGUSR1, &action, &before);
  std::atomic<bool> stop = false;
  std::atomic<bool> done = false;
  const pthread_t reading = pthread_self();
  std::thread killer([&] {
    stop = true;
    while (!done) {
      pthread_kill(reading, SIGUSR1);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  LineReader reader(input.get(), "stdin", 100, &stop);
  Line line;
  CHECK_FALSE(reader.next(line));
  done = true;
  killer.join();
  sigaction(SIGUSR1, &before, nullptr);
}

TEST_CASE("lines: an input that cannot be read is an error, not an end") {
  LineReader reader(-1, "stdin");
  Line line;
  CHECK_THROWS_WITH(reader.next(line), "stdin: cannot be read after byte 0: Bad file descriptor");
}

TEST_CASE("records: a line must hold one JSON object") {
  CHECK(parse_record({R"({"text": "x"})", 1, 0}, "in")["text"] == "x");
  CHECK_THROWS_WITH(parse_record({"[1]", 7, 0}, "in"),
                    "in: line 7: holds a JSON array, expected an object");
  CHECK_THROWS_WITH(parse_record({"{\"a\": ", 7, 0}, "in"),
                    Catch::StartsWith("in: line 7: is not JSON at byte 6: "));
  CHECK_THROWS_AS(parse_record({"", 1, 0}, "in"), InputError);
  CHECK_THROWS_AS(parse_record({"{\"a\":\"\\ud800\"}", 1, 0}, "in"), InputError);
}

TEST_CASE("records: a value becomes one line of valid UTF-8, its keys in order") {
  nlohmann::ordered_json value;
  value["z"] = "two\nlines";
  value["a"] = "\xFF";
  CHECK(to_json_line(value) == "{\"z\":\"two\\nlines\",\"a\":\"\xEF\xBF\xBD\"}");
}
