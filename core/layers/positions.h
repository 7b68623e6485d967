// Positional encodings: what is added to the embedding at each position.
#pragma once

#include <memory>

#include "core/params.h"
#include "core/weights.h"
#include "core/workspace.h"

namespace terse {

/// Immutable after construction; may be shared between threads.
class PositionalEncoding {
 public:
  virtual ~PositionalEncoding() = default;

  /// y[i] += encoding(first + i). y: [n, d].
  virtual void add(size_t first, Workspace& work, Matrix y) const = 0;

  /// The number of positions that the encoding has; SIZE_MAX without a limit.
  virtual size_t limit() const = 0;
};

/// The encoding that `spec` describes: {"type": "learned", ...}, see io/FORMAT.md. Throws
/// ModelError.
std::unique_ptr<PositionalEncoding> make_positions(const Params& spec, const Weights& weights,
                                                   size_t d);

/// How many positions a model with these arguments has: `max_len`, or fewer where its `positions`
/// end earlier.
size_t max_positions(const Params& args);

}  // namespace terse
