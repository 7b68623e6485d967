#include "core/layers/positions.h"

#include <algorithm>

#include "core/error.h"
#include "core/layers/axial_positions.h"
#include "core/layers/fixed_base_positions.h"
#include "core/layers/learned_positions.h"
#include "core/layers/sin_cos_positions.h"

namespace terse {
namespace {

// The order of the tokens stays unsaid (Trax: pos_type 'no').
class NoPositions : public PositionalEncoding {
 public:
  void add(size_t, Workspace&, Matrix) const override {}
  size_t limit() const override { return SIZE_MAX; }
};

std::unique_ptr<PositionalEncoding> make_learned(const Params& spec, const Weights& weights,
                                                 size_t d) {
  spec.expect_only({"type", "max_len", "d_feature"});
  std::optional<size_t> d_feature;
  if (!spec.is_null("d_feature")) d_feature = spec.size("d_feature");
  return std::make_unique<LearnedPositions>(weights, spec.size("max_len"), d, d_feature);
}

}  // namespace

std::unique_ptr<PositionalEncoding> make_positions(const Params& spec, const Weights& weights,
                                                   size_t d) {
  const std::string& type = spec.text("type");
  if (type == "learned") return make_learned(spec, weights, d);
  if (type == "axial") {
    spec.expect_only({"type", "shape", "d_embs"});
    return std::make_unique<AxialPositions>(weights, spec.sizes("shape"), spec.sizes("d_embs"), d);
  }
  spec.expect_only({"type"});
  if (type == "sin-cos") return std::make_unique<SinCosPositions>(d);
  if (type == "fixed-base") return std::make_unique<FixedBasePositions>(weights, d);
  if (type == "none") return std::make_unique<NoPositions>();
  throw ModelError(spec.where() + ": unknown positional encoding '" + type + "'");
}

size_t max_positions(const Params& args) {
  const size_t max_len = args.size("max_len");
  const Params& spec = args.group("positions");
  const std::string& type = spec.text("type");
  if (type == "learned") return std::min(max_len, spec.size("max_len"));
  if (type != "axial") return max_len;
  size_t points = 1;
  for (const size_t n : spec.sizes("shape")) points = std::min(max_len, points * n);
  return points;
}

}  // namespace terse
