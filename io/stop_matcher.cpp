#include "io/stop_matcher.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace terse {

StopMatcher::StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {
  for (const std::string& stop : stops_) {
    if (stop.empty()) throw UsageError("a stop string is empty, expected at least one character");
    longest_ = std::max(longest_, stop.size());
  }
}

std::string_view StopMatcher::push(std::string_view piece) {
  if (stops_.empty()) return piece;
  if (stopped_) return {};
  for (const char c : piece) {
    held_ += c;
    const size_t matched = match_at_end();
    if (matched == 0) continue;
    stopped_ = true;
    held_.resize(held_.size() - matched);
    text_ = std::exchange(held_, {});
    return text_;
  }
  const size_t certain = held_.size() - possible_beginning();
  text_.assign(held_, 0, certain);
  held_.erase(0, certain);
  return text_;
}

std::string_view StopMatcher::flush() {
  text_ = std::exchange(held_, {});
  stopped_ = false;
  return text_;
}

size_t StopMatcher::match_at_end() const {
  size_t longest = 0;
  for (const std::string& stop : stops_) {
    if (stop.size() > longest && held_.ends_with(stop)) longest = stop.size();
  }
  return longest;
}

size_t StopMatcher::possible_beginning() const {
  const std::string_view held = held_;
  for (size_t length = std::min(held.size(), longest_ - 1); length > 0; --length) {
    const std::string_view end = held.substr(held.size() - length);
    for (const std::string& stop : stops_) {
      if (stop.starts_with(end)) return length;
    }
  }
  return 0;
}

}  // namespace terse
