// What --version says.
#pragma once

#include <string>

namespace terse {

/// "terse 0.1.0 (AVX2; Eigen 3.4.0, ...)".
std::string version_text();

}  // namespace terse
