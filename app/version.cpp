#include "app/version.h"

#include <fmt/core.h>
#include <spdlog/version.h>

#include <CLI/Version.hpp>
#include <Eigen/Core>
#include <nlohmann/json.hpp>

#include "core/kernels/isa.h"

namespace terse {

std::string version_text() {
  return fmt::format(
      "terse {} ({}; {}; CLI11 {}, Eigen {}.{}.{}, Highway {}, "
      "nlohmann-json {}.{}.{}, SentencePiece {}, spdlog {}.{}.{})",
      TERSE_VERSION, kernels::isa_name(), TERSE_BUILD, CLI11_VERSION, EIGEN_WORLD_VERSION,
      EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION, TERSE_HIGHWAY_VERSION, NLOHMANN_JSON_VERSION_MAJOR,
      NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH, TERSE_SENTENCEPIECE_VERSION,
      SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH);
}

}  // namespace terse
