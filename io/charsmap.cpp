// A walk over all states of the double array that some text could lead to.
// Layout of a unit: Darts-clone (github.com/s-yata/darts-clone).
#include "io/charsmap.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace terse {
namespace {

constexpr size_t kMaxMatches = 32;  // Normalizer::kMaxTrieResultsSize in the library
constexpr size_t kMaxReplacement = 1024;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error("the normalization rules are damaged: " + what);
}

/// The double array. A state is the index of a block of 256 children: child c of state s is unit s
/// ^ c.
class Trie {
 public:
  explicit Trie(std::string_view bytes) : units_(bytes.size() / sizeof(uint32_t)) {
    std::memcpy(units_.data(), bytes.data(), bytes.size());
  }

  size_t size() const { return units_.size(); }
  bool has_leaf(uint32_t unit) const { return (units_[unit] >> 8 & 1) != 0; }
  /// Units that are leaves have their top bit set, so that no character leads to them.
  uint32_t label(uint32_t unit) const { return units_[unit] & (uint32_t{1} << 31 | 0xFF); }
  uint32_t leaf_value(uint32_t state) const { return units_[state] & ~(uint32_t{1} << 31); }
  uint32_t next_state(uint32_t unit) const {
    const uint32_t bits = units_[unit];
    return unit ^ (bits >> 10) << ((bits & uint32_t{1} << 9) >> 6);
  }

 private:
  std::vector<uint32_t> units_;
};

class Walk {
 public:
  Walk(const Trie& trie, std::string_view replacements)
      : trie_(trie), replacements_(replacements), matches_(trie.size(), kUnseen) {}

  /// Visits every state that can be reached, depth first without recursion.
  void run() {
    enter(trie_.next_state(0));
    while (!path_.empty()) {
      Frame& frame = path_.back();
      if (frame.next_label == 256) {
        leave();
      } else {
        const uint32_t label = frame.next_label++;
        const uint32_t unit = frame.state ^ label;
        if (trie_.label(unit) == label) follow(unit);
      }
    }
  }

  size_t longest_replacement() const { return longest_replacement_; }

 private:
  // Values of matches_: the most rules that match on one way from a state, or one of these.
  static constexpr uint8_t kUnseen = 255;
  static constexpr uint8_t kOnPath = 254;

  struct Frame {
    uint32_t state = 0;
    uint32_t next_label = 0;
    uint8_t matches = 0;
    bool leaf_above = false;  // the unit that led here ends a rule
  };

  void enter(uint32_t state, bool leaf_above = false) {
    if ((state | 0xFF) >= trie_.size()) {
      fail("a state at " + std::to_string(state) + " lies outside of " +
           std::to_string(trie_.size()) + " units");
    }
    matches_[state] = kOnPath;
    path_.push_back({.state = state, .leaf_above = leaf_above});
  }

  void follow(uint32_t unit) {
    const uint32_t state = trie_.next_state(unit);
    const bool leaf = trie_.has_leaf(unit);
    if (state < trie_.size() && matches_[state] != kUnseen) {
      if (matches_[state] == kOnPath) fail("a state leads back to itself");
      if (leaf) check_rule(state);
      count(matches_[state] + leaf);
      return;
    }
    enter(state, leaf);
    if (leaf) check_rule(state);
  }

  void leave() {
    const Frame done = path_.back();
    path_.pop_back();
    matches_[done.state] = done.matches;
    if (!path_.empty()) count(done.matches + done.leaf_above);
  }

  void count(size_t matches) {
    if (matches > kMaxMatches) fail("more than 32 rules match one text");
    Frame& top = path_.back();
    top.matches = std::max(top.matches, static_cast<uint8_t>(matches));
  }

  void check_rule(uint32_t state) {
    const uint32_t begin = trie_.leaf_value(state);
    if (begin >= replacements_.size()) {
      fail("a replacement at " + std::to_string(begin) + " lies outside of " +
           std::to_string(replacements_.size()) + " bytes");
    }
    const std::string_view window = replacements_.substr(begin, kMaxReplacement + 1);
    const size_t length = window.find('\0');
    if (length == std::string_view::npos) fail("a replacement does not end within 1024 bytes");
    longest_replacement_ = std::max(longest_replacement_, length);
  }

  const Trie& trie_;
  std::string_view replacements_;
  std::vector<uint8_t> matches_;
  std::vector<Frame> path_;
  size_t longest_replacement_ = 0;
};

}  // namespace

size_t check_charsmap(std::string_view charsmap) {
  uint32_t trie_bytes = 0;
  if (charsmap.size() < sizeof(trie_bytes)) fail("they have no size");
  std::memcpy(&trie_bytes, charsmap.data(), sizeof(trie_bytes));
  charsmap.remove_prefix(sizeof(trie_bytes));
  if (trie_bytes == 0 || trie_bytes % sizeof(uint32_t) != 0 || trie_bytes >= charsmap.size()) {
    fail("the trie has " + std::to_string(trie_bytes) + " of " + std::to_string(charsmap.size()) +
         " bytes");
  }
  const Trie trie(charsmap.substr(0, trie_bytes));
  Walk walk(trie, charsmap.substr(trie_bytes));
  walk.run();
  return walk.longest_replacement();
}

}  // namespace terse
