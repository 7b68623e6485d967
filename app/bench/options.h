// What `terse bench` can be asked.
#pragma once

#include <cstddef>
#include <string>

#include "app/model_options.h"

namespace terse {

struct BenchOptions {
  ModelOptions model;
  std::string preset;
  std::string type = "f32";
  std::string cache = "f32";
  size_t context = 128;
  size_t tokens = 32;
  size_t repeat = 5;
  bool json = false;
};

}  // namespace terse
