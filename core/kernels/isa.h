// Which instruction set the kernels use: by default the best that the processor has.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace terse::kernels {

/// The instruction set that the kernels use now, as Highway names it ("AVX3" is AVX-512).
std::string isa_name();

/// What this processor and this build offer, best first.
std::vector<std::string> supported_isas();

/// Makes all kernels use that one from now on. Throws UsageError, naming what there is, if `name`
/// is not in supported_isas(). Not to be called while a kernel runs.
void force_isa(std::string_view name);

}  // namespace terse::kernels
