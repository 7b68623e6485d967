// The library parses; its callback keeps the limits, and a counting iterator tells where.
#include "io/json.h"

#include <algorithm>
#include <iterator>
#include <unordered_set>
#include <vector>

#include "core/error.h"
#include "io/file.h"

namespace terse {
namespace {

// The parser copies its iterator, so the place is kept outside of it.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    *furthest_ = ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator old = *this;
    ++*this;
    return old;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  const char** furthest_;
};

// Follows the parser through the text: one set of keys for each open object (arrays: an empty one).
class Limiter {
 public:
  using Event = nlohmann::json::parse_event_t;

  Limiter(size_t max_depth, const char* begin, const char* const* at)
      : max_depth_(max_depth), begin_(begin), at_(at) {}

  bool operator()(int /*depth*/, Event event, nlohmann::json& value) {
    if (event == Event::object_start || event == Event::array_start) open();
    if (event == Event::object_end || event == Event::array_end) keys_.pop_back();
    if (event == Event::key) add(value.get_ref<const std::string&>());
    return true;
  }

 private:
  void open() {
    if (keys_.size() == max_depth_) {
      fail("nested deeper than " + std::to_string(max_depth_) + " levels");
    }
    keys_.emplace_back();
  }

  void add(const std::string& key) {
    if (!keys_.back().insert(key).second)
      fail("the key \"" + key + "\" stands twice in one object");
  }

  [[noreturn]] void fail(const std::string& what) const {
    const auto consumed = static_cast<size_t>(*at_ - begin_);
    throw JsonError(what, consumed == 0 ? 0 : consumed - 1);
  }

  size_t max_depth_;
  const char* begin_;
  const char* const* at_;
  std::vector<std::unordered_set<std::string>> keys_;
};

// "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ..." -> the last
// part
std::string reason_of(const std::string& message) {
  const size_t column = message.find("column ");
  const size_t colon = message.find(": ", column == std::string::npos ? 0 : column);
  if (colon != std::string::npos) return message.substr(colon + 2);
  const size_t bracket = message.find("] ");
  return bracket == std::string::npos ? message : message.substr(bracket + 2);
}

}  // namespace

nlohmann::json parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    throw JsonError("has " + std::to_string(text.size()) + " bytes, expected at most " +
                        std::to_string(limits.max_bytes),
                    0);
  }
  const char* const begin = text.data();
  const char* at = begin;
  Limiter limiter(limits.max_depth, begin, &at);
  try {
    return nlohmann::json::parse(CountingIterator(begin, &at),
                                 CountingIterator(begin + text.size(), &at), std::ref(limiter));
  } catch (const nlohmann::json::parse_error& error) {
    throw JsonError(reason_of(error.what()), error.byte == 0 ? 0 : error.byte - 1);
  } catch (const nlohmann::json::exception& error) {  // a number that no double holds
    throw JsonError(reason_of(error.what()), static_cast<size_t>(at - begin));
  }
}

nlohmann::json read_json_file(const std::filesystem::path& path, const JsonLimits& limits) {
  const std::string text = read_file(path, limits.max_bytes);
  try {
    nlohmann::json value = parse_json(text, limits);
    if (!value.is_object()) throw JsonError("holds no JSON object", 0);
    return value;
  } catch (const JsonError& error) {
    const std::string_view before(text.data(), std::min(error.byte, text.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t column = before.size() - (before.rfind('\n') + 1) + 1;
    throw ModelError(path.string() + ":" + std::to_string(line) + ":" + std::to_string(column) +
                     " (byte " + std::to_string(error.byte) + "): " + error.what());
  }
}

}  // namespace terse
