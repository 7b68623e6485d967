#include "core/models/token_encoder.h"

namespace terse {

TokenEncoder::TokenEncoder(const Params& args, size_t d_model, const Weights& embedding,
                           size_t vocab, const Weights& positions)
    : embedding_(embedding, vocab, d_model),
      positions_(make_positions(args.group("positions"), positions, d_model)),
      max_len_(max_positions(args)) {}

void TokenEncoder::forward(std::span<const int32_t> tokens, size_t first, Workspace& work,
                           Matrix y) const {
  embedding_.forward(tokens, y);
  positions_->add(first, work, y);
}

TokenEncoder make_source_encoder(const Params& args, size_t d_model, const Weights& weights) {
  return {args, d_model, weights / "embedding", args.size("input_vocab_size"),
          weights / "encoder" / "positions"};
}

TokenEncoder make_target_encoder(const Params& args, size_t d_model, const Weights& weights) {
  const Weights positions = weights / "decoder" / "positions";
  if (args.is_null("output_vocab_size")) {
    return {args, d_model, weights / "embedding", args.size("input_vocab_size"), positions};
  }
  return {args, d_model, weights / "decoder_embedding", args.size("output_vocab_size"), positions};
}

ModelTraits encoder_decoder_traits(const TokenEncoder& source, const TokenEncoder& target) {
  return {true, source.vocab(), target.vocab(), source.max_len(), target.max_len()};
}

}  // namespace terse
