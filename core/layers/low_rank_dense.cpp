#include "core/layers/low_rank_dense.h"

#include "core/layers/dense.h"
#include "core/layers/serial.h"

namespace terse {

std::unique_ptr<Layer> make_low_rank_dense(const Weights& weights, size_t d_in, size_t rank,
                                           size_t d_out) {
  auto layers = std::make_unique<Serial>();
  layers->push(std::make_unique<Dense>(weights / "down", d_in, rank), rank);
  layers->push(std::make_unique<Dense>(weights / "up", rank, d_out), d_out);
  return layers;
}

}  // namespace terse
