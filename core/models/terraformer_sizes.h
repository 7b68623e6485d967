// How wide each block of a Terraformer is (Trax: half_before_layer and double_after_layer of
// ConfigurableTerraformer).
#pragma once

#include <cstddef>
#include <vector>

#include "core/params.h"

namespace terse {

struct BlockSizes {
  size_t d_model;
  size_t d_ff;
  size_t d_key;  // of one head
  size_t d_value;
};

struct DecoderBlockSizes : BlockSizes {
  size_t doublings;  // how often both streams become their concatenation after this block
};

struct TerraformerSizes {
  BlockSizes encoder;
  std::vector<DecoderBlockSizes> decoder;
  size_t d_end;  // features of both streams after the last block
};

/// Throws ModelError for sizes that cannot be halved, and for blocks that are not as wide as the
/// streams that reach them.
TerraformerSizes terraformer_sizes(const Params& args);

}  // namespace terse
