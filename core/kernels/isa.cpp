// The choice of the instruction set: a thin layer over Highway's dispatch.
#include "core/kernels/isa.h"

#include <cstdint>

#include "core/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/isa.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

int64_t current_target() {
  return HWY_TARGET;
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(current_target);

std::string isa_name() {
  return hwy::TargetName(HWY_DYNAMIC_DISPATCH(current_target)());
}

std::vector<std::string> supported_isas() {
  std::vector<std::string> names;
  for (int64_t target : hwy::SupportedAndGeneratedTargets()) {
    names.emplace_back(hwy::TargetName(target));
  }
  return names;
}

void force_isa(std::string_view name) {
  std::string list;
  for (int64_t target : hwy::SupportedAndGeneratedTargets()) {
    if (name == hwy::TargetName(target)) {
      hwy::GetChosenTarget().Update(target);
      return;
    }
    list += (list.empty() ? "" : ", ") + std::string(hwy::TargetName(target));
  }
  throw UsageError("instruction set '" + std::string(name) +
                   "' is not available here; choose one of: " + list);
}

}  // namespace terse::kernels
#endif
