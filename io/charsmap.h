// The compiled normalization rules inside a SentencePiece model, checked before the library follows
// them.
#pragma once

#include <cstddef>
#include <string_view>

namespace terse {

/// Checks a `precompiled_charsmap`: the size of the trie (4 bytes), the trie as a Darts double
/// array, then the replacements, each ended by NUL. The library neither checks bounds nor counts
/// matches. Returns the length of the longest replacement in bytes. Throws std::runtime_error
/// saying what is wrong.
size_t check_charsmap(std::string_view charsmap);

}  // namespace terse
