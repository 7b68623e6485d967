// The model that is measured: a directory's own, or a preset with weights made up for it.
#pragma once

#include <memory>
#include <string>

#include "app/bench/options.h"
#include "core/threads.h"
#include "core/traffic.h"
#include "io/random_weights.h"

namespace terse {

/// A model with the weights that it views.
struct BenchModel {
  std::string name;
  std::string type;
  WeightTraffic traffic;
  double load_s = 0;
  std::unique_ptr<RandomWeights> random;
  std::unique_ptr<ModelDirectory> directory;
  std::unique_ptr<Model> preset;

  const Model& model() const { return directory ? *directory->model : *preset; }
};

/// `threads` fill made-up weights. Throws UsageError for a preset that there is not, ModelError for
/// one whose weights do not fit into memory.
BenchModel open_bench_model(const BenchOptions& options, Threads& threads);

}  // namespace terse
