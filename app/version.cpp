#include "app/version.h"

#include <fmt/core.h>

#include <CLI/Version.hpp>
#include <Eigen/Core>
#include <nlohmann/json.hpp>

#include "core/kernels/isa.h"

namespace terse {

std::string version_text() {
  return fmt::format("terse {} ({}; CLI11 {}, Eigen {}.{}.{}, nlohmann-json {}.{}.{})",
                     TERSE_VERSION, kernels::isa_name(), CLI11_VERSION, EIGEN_WORLD_VERSION,
                     EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION, NLOHMANN_JSON_VERSION_MAJOR,
                     NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH);
}

}  // namespace terse
