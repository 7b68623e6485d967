// JSON with limits: what is refused, and where the message points.
#include "io/json.h"

#include <catch2/catch.hpp>

#include "core/error.h"
#include "tests/io/temporary_directory.h"

using namespace terse;

namespace {

std::string error_of(std::string_view text, const JsonLimits& limits = {}) {
  try {
    parse_json(text, limits);
  } catch (const JsonError& error) {
    return std::to_string(error.byte) + ": " + error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("json: values are parsed as they are") {
  const nlohmann::json value = parse_json(R"({"a": [1, -2, 2.5, "\u00e9", true, null], "b": {}})");
  CHECK(value["a"][0].is_number_unsigned());
  CHECK(value["a"][3] == "\xC3\xA9");
  CHECK(value["b"].empty());
  CHECK(parse_json("\xEF\xBB\xBF{}").is_object());  // a byte order mark
}

TEST_CASE("json: errors give the byte") {
  CHECK_THAT(error_of(R"({"a": 1,})"), Catch::StartsWith("8: "));
  CHECK_THAT(error_of("{} {}"), Catch::StartsWith("3: "));
  CHECK_THAT(error_of("\"\xFF\""), Catch::Contains("UTF-8"));
  CHECK_THAT(error_of(""), Catch::StartsWith("0: "));
  CHECK_THAT(error_of("[1e999]"), Catch::Contains("number overflow"));
}

TEST_CASE("json: a key that stands twice in one object is refused, in two objects it is not") {
  CHECK_THAT(error_of(R"({"a": 1, "a": 2})"), Catch::StartsWith("11: the key \"a\" stands twice"));
  CHECK_THAT(error_of(R"({"a": 1, "\u0061": 2})"), Catch::Contains("stands twice"));
  CHECK(error_of(R"({"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]})").empty());
}

TEST_CASE("json: depth and size have limits") {
  CHECK(error_of("[[1]]", {.max_depth = 2}).empty());
  CHECK_THAT(error_of("[[[1]]]", {.max_depth = 2}), Catch::StartsWith("2: nested deeper than 2"));
  CHECK_THAT(error_of(std::string(1'000'000, '[')), Catch::Contains("nested deeper"));
  CHECK_THAT(error_of("[1, 2]", {.max_bytes = 5}), Catch::Contains("expected at most 5"));
}

TEST_CASE("json: an error in a file names path, line and column") {
  const test::TemporaryDirectory directory;
  const auto path = directory.write("config.json", "{\n  \"a\": x\n}");
  CHECK_THROWS_AS(read_json_file(path), ModelError);
  CHECK_THROWS_WITH(read_json_file(path), Catch::StartsWith(path.string() + ":2:8 (byte 9): "));
  CHECK_THROWS_WITH(read_json_file(directory.write("list.json", "[]")),
                    Catch::Contains("holds no JSON object"));
}
