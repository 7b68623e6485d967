#include "app/common_options.h"

#include <spdlog/spdlog.h>

#include "app/flags.h"
#include "app/report.h"
#include "core/error.h"
#include "core/kernels/isa.h"

namespace terse {

void add_common_options(CLI::App& command, CommonOptions& options) {
  constexpr const char* group = kCommonGroup;
  command.get_help_ptr()->group(group);
  command
      .add_flag("-q,--quiet", options.quiet, "Say nothing on stderr but errors; no progress bar")
      ->group(group);
  command.add_flag("-v,--verbose", options.verbose, "Tell on stderr what is being done")
      ->group(group);
  command
      .add_option("--color", options.color,
                  "Colours in messages: auto (on a terminal, unless NO_COLOR is set), always or "
                  "never (default: auto)")
      ->type_name("WHEN")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->group(group);
  command
      .add_option("--isa", options.isa,
                  "Use this instruction set, as --version names it, instead of the best one")
      ->type_name("NAME")
      ->group(group);
  command
      .add_option("--config", options.config,
                  "Read settings from this file (TOML: name = value, [command] sections)")
      ->type_name("FILE")
      ->group(group);
  command
      .add_flag("--dump-config", options.dump_config,
                "Print the settings in effect as a configuration file, and exit")
      ->group(group);
}

void apply(const CommonOptions& options) {
  if (options.quiet && options.verbose)
    throw UsageError("--quiet and --verbose exclude each other");
  set_color(options.color);
  if (options.quiet) set_quiet();
  if (options.verbose) spdlog::set_level(spdlog::level::debug);
  if (!options.isa.empty()) kernels::force_isa(options.isa);
  spdlog::debug("kernels use {}", kernels::isa_name());
}

}  // namespace terse
