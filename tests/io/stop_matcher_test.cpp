// Stop strings are found wherever the pieces of a text are cut.
#include "io/stop_matcher.h"

#include <catch2/catch.hpp>
#include <random>

#include "core/error.h"

namespace terse::test {
namespace {

struct Passed {
  std::string text;
  bool stopped;
};

// Feeds `text` in pieces of the given sizes, repeated.
Passed pass(StopMatcher& matcher, const std::string& text, const std::vector<size_t>& sizes) {
  Passed passed{};
  size_t piece = 0;
  for (size_t begin = 0; begin < text.size(); begin += sizes[piece++ % sizes.size()]) {
    passed.text += matcher.push(std::string_view(text).substr(begin, sizes[piece % sizes.size()]));
  }
  passed.stopped = matcher.stopped();
  passed.text += matcher.flush();
  return passed;
}

// The first end of a stop string decides; the longest one there is cut off.
Passed expected(const std::vector<std::string>& stops, const std::string& text) {
  for (size_t end = 1; end <= text.size(); ++end) {
    size_t longest = 0;
    for (const std::string& stop : stops) {
      if (text.substr(0, end).ends_with(stop)) longest = std::max(longest, stop.size());
    }
    if (longest > 0) return {text.substr(0, end - longest), true};
  }
  return {text, false};
}

}  // namespace

TEST_CASE("Text is cut before the stop string, wherever pieces end") {
  const std::vector<std::string> stops = GENERATE(
      values<std::vector<std::string>>({{"###"}, {"END"}, {"aab"}, {"abcd", "bc"}, {"b", "ab"}}));
  const std::string text =
      GENERATE("one ## two ### three", "it is the E EN END of it", "aaaaab", "aaaab!", "abcd", "");
  const std::vector<size_t> sizes =
      GENERATE(values<std::vector<size_t>>({{1}, {2}, {3}, {1, 4}, {100}}));
  StopMatcher matcher(stops);
  const Passed want = expected(stops, text);
  for (int again = 0; again < 2; ++again) {
    const Passed found = pass(matcher, text, sizes);
    CAPTURE(text, stops, sizes);
    CHECK(found.text == want.text);
    CHECK(found.stopped == want.stopped);
  }
}

TEST_CASE("Random texts of few letters are cut as a plain search cuts them") {
  std::mt19937 random(3);
  const auto letters = [&](size_t length) {
    std::string text;
    for (size_t i = 0; i < length; ++i) text += char('a' + random() % 2);
    return text;
  };
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::string> stops(1 + random() % 3);
    for (std::string& stop : stops) stop = letters(2 + random() % 6);
    const std::string text = letters(random() % 40);
    StopMatcher matcher(stops);
    const Passed want = expected(stops, text);
    const Passed found = pass(matcher, text, {1 + random() % 5, 1 + random() % 5});
    CAPTURE(text, stops);
    REQUIRE(found.text == want.text);
    REQUIRE(found.stopped == want.stopped);
  }
}

TEST_CASE("Only what may begin a stop string is held back") {
  StopMatcher matcher({"\n\nUser:"});
  CHECK(matcher.push("hello\n") == "hello");
  CHECK(matcher.push("\nUse") == "");
  CHECK(matcher.push(" it") == "\n\nUse it");
  CHECK(matcher.push("\n\n\nUser") == "\n");
  CHECK(matcher.push(":x") == "");
  CHECK(matcher.stopped());
  CHECK(matcher.push("more") == "");
  CHECK(matcher.flush() == "");
}

TEST_CASE("What was held back comes through when the text ends") {
  StopMatcher matcher({"###"});
  CHECK(matcher.push("a##") == "a");
  CHECK(matcher.flush() == "##");
  CHECK(matcher.push("#") == "");
  CHECK_FALSE(matcher.stopped());
  CHECK(matcher.flush() == "#");
}

TEST_CASE("Bytes of any kind match, inside characters too") {
  StopMatcher matcher({"\xc3\xa9", std::string("\0\xff", 2)});
  CHECK(matcher.push("caf\xc3") == "caf");
  CHECK(matcher.push("\xa8") == "\xc3\xa8");
  CHECK(matcher.push(std::string("x\0\xff", 3)) == "x");
  CHECK(matcher.stopped());
}

TEST_CASE("Without stop strings everything passes at once") {
  StopMatcher matcher({});
  CHECK(matcher.push("abc") == "abc");
  CHECK_FALSE(matcher.stopped());
  CHECK(matcher.flush() == "");
}

TEST_CASE("An empty stop string is refused") {
  CHECK_THROWS_AS(StopMatcher({"a", ""}), UsageError);
}

}  // namespace terse::test
