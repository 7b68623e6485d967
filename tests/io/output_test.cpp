// Output: whole lines, a reader that went away, a disk that is full.
#include "io/output.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "io/file.h"
#include "tests/io/temporary_directory.h"

using namespace terse;

TEST_CASE("output: lines are written whole and at once") {
  const test::TemporaryDirectory directory;
  const auto path = directory.write("out", "");
  const FileDescriptor file(open(path.c_str(), O_WRONLY));
  Output output(file.get(), "out");
  output.write_line("one");
  output.write("two");
  CHECK(read_file(path, 100) == "one\ntwo");
  output.write_line("");
  CHECK(read_file(path, 100) == "one\ntwo\n");
}

TEST_CASE("output: a pipe whose reader is gone is told apart from a failure") {
  signal(SIGPIPE, SIG_IGN);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  close(ends[0]);
  const FileDescriptor file(ends[1]);
  Output output(file.get(), "stdout");
  CHECK_THROWS_AS(output.write_line("x"), ClosedPipe);
  signal(SIGPIPE, SIG_DFL);
}

TEST_CASE("output: a full disk is an error with its reason") {
  const FileDescriptor file(open("/dev/full", O_WRONLY));
  if (file.get() < 0) return;
  Output output(file.get(), "stdout");
  CHECK_THROWS_AS(output.write_line("x"), OutputError);
  CHECK_THROWS_WITH(output.write_line("x"), "stdout: cannot be written: No space left on device");
}

TEST_CASE("output: a slow pipe that does not block gets everything") {
  int ends[2];
  REQUIRE(pipe2(ends, O_NONBLOCK) == 0);
  const std::string text(1 << 20, 'x');
  size_t received = 0;
  std::thread reader([&] {
    std::string buffer(10000, '\0');
    for (;;) {
      const ssize_t got = read(ends[0], buffer.data(), buffer.size());
      if (got == 0) return;
      if (got > 0) received += static_cast<size_t>(got);
    }
  });
  Output(ends[1], "stdout").write_line(text);
  close(ends[1]);
  reader.join();
  close(ends[0]);
  CHECK(received == text.size() + 1);
}
