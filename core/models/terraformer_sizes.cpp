#include "core/models/terraformer_sizes.h"

#include <limits>

#include "core/error.h"

namespace terse {
namespace {

constexpr size_t kNever = std::numeric_limits<size_t>::max();

BlockSizes full_sizes(const Params& args) {
  return {args.size("d_model"), args.size("d_ff"), args.size("d_attention_key"),
          args.size("d_attention_value")};
}

BlockSizes halved(const BlockSizes& sizes, const Params& args) {
  for (const size_t size : {sizes.d_model, sizes.d_ff, sizes.d_key, sizes.d_value}) {
    if (size % 2 != 0) {
      throw ModelError(args.where() + ": half_before_layer halves d_model, d_ff, d_attention_key " +
                       "and d_attention_value, and " + std::to_string(size) + " is odd");
    }
  }
  return {sizes.d_model / 2, sizes.d_ff / 2, sizes.d_key / 2, sizes.d_value / 2};
}

BlockSizes doubled(const BlockSizes& sizes) {
  return {2 * sizes.d_model, 2 * sizes.d_ff, 2 * sizes.d_key, 2 * sizes.d_value};
}

}  // namespace

TerraformerSizes terraformer_sizes(const Params& args) {
  const size_t half = args.is_null("half_before_layer") ? 0 : args.size("half_before_layer");
  const size_t doubling =
      args.is_null("double_after_layer") ? kNever : args.size("double_after_layer");
  const BlockSizes full = full_sizes(args);
  TerraformerSizes sizes{half > 0 ? halved(full, args) : full, {}, 0};
  size_t width = sizes.encoder.d_model;
  for (size_t i = 0; i < args.size("n_decoder_layers", 0, 4096); ++i) {
    BlockSizes block = i >= half ? full : sizes.encoder;
    if (doubling != kNever && i > doubling) block = doubled(full);
    if (block.d_model != width) {
      throw ModelError(args.where() + ": decoder block " + std::to_string(i) + " has d_model " +
                       std::to_string(block.d_model) + ", its input has " + std::to_string(width) +
                       "; check half_before_layer and double_after_layer");
    }
    const size_t doublings = size_t{i + 1 == half} + size_t{i == doubling};
    width <<= doublings;
    sizes.decoder.push_back({block, doublings});
  }
  sizes.d_end = width;
  return sizes;
}

}  // namespace terse
