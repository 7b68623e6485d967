// From token ids to the vectors that a stack of blocks starts from (Trax:
// EmbeddingAndPositionalEncodings).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/layers/embedding.h"
#include "core/layers/positions.h"
#include "core/models/model.h"
#include "core/params.h"

namespace terse {

class TokenEncoder {
 public:
  /// `args`: the model's, with max_len and positions. `positions` holds the encoding's tensors.
  /// Throws ModelError.
  TokenEncoder(const Params& args, size_t d_model, const Weights& embedding, size_t vocab,
               const Weights& positions);

  size_t vocab() const { return embedding_.vocab(); }
  /// The most positions of a sequence: the model's limit or the encoding's own.
  size_t max_len() const { return max_len_; }

  /// y[i] = embedding(tokens[i]) + encoding(first + i). y: [n, d_model].
  void forward(std::span<const int32_t> tokens, size_t first, Workspace& work, Matrix y) const;

 private:
  Embedding embedding_;
  std::unique_ptr<PositionalEncoding> positions_;
  size_t max_len_;
};

/// The two token encoders of a model with an encoder and a decoder. They have positions of their
/// own; the embedding is one and the same unless output_vocab_size is given.
TokenEncoder make_source_encoder(const Params& args, size_t d_model, const Weights& weights);
TokenEncoder make_target_encoder(const Params& args, size_t d_model, const Weights& weights);

ModelTraits encoder_decoder_traits(const TokenEncoder& source, const TokenEncoder& target);

}  // namespace terse
