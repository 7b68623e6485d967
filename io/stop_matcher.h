// Finds stop strings in text that comes piece by piece.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace terse {

/// Lets text through up to the first stop string. What might be the beginning of one is held back
/// until more text decides. All texts together, flush() included, are the same however the text is
/// cut into pieces: the stop string that is complete first ends it (the longest of those), and
/// neither it nor anything after it comes through. Works on bytes. Not to be shared between
/// threads.
class StopMatcher {
 public:
  /// Without stop strings all text passes. Throws UsageError for an empty one.
  explicit StopMatcher(std::vector<std::string> stops);

  /// Text that is certain now that this piece has come; often empty. Valid until the next call, and
  /// while `piece` is.
  std::string_view push(std::string_view piece);

  /// The text held back so far, because no more follows; a new text may start afterwards.
  std::string_view flush();

  /// Whether a stop string has appeared since the text started; push() then gives nothing more.
  bool stopped() const { return stopped_; }

 private:
  /// Length of the longest stop string that `held_` ends with; 0 if there is none.
  size_t match_at_end() const;
  /// Length of the longest end of `held_` that a stop string begins with.
  size_t possible_beginning() const;

  std::vector<std::string> stops_;
  size_t longest_ = 0;
  std::string held_;  // text that has not been let through
  std::string text_;  // what the last call let through
  bool stopped_ = false;
};

}  // namespace terse
