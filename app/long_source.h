// What to do with a source that is longer than the model's limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace terse {

enum class LongSource {
  error,     // refuse it
  truncate,  // read its beginning only
  split,     // read it in pieces, one after the other
};

/// "error", "truncate", "split"
LongSource long_source_of(const std::string& name);

struct SourcePieces {
  std::vector<std::vector<int32_t>> pieces;
  size_t dropped_tokens = 0;
};

/// The pieces of at most `limit` tokens that the model reads. Where the source ends with
/// `end_symbol`, each piece does. Pieces of a split are the fewest that will do, and of one length
/// but for a token. Throws InputError when the policy is to refuse.
SourcePieces cut_source(std::span<const int32_t> source, size_t limit, LongSource policy,
                        std::optional<int32_t> end_symbol);

}  // namespace terse
