// terse: decode with sparse transformers from the command line. Parse, run, exit code.
#include "app/command_line.h"
#include "app/report.h"

int main(int argc, char** argv) {
  terse::set_up_process();
  return terse::run_reporting_errors([&] {
    const terse::CommandLine line = terse::parse_command_line(argc, argv);
    return line.command ? line.command() : line.exit_code;
  });
}
