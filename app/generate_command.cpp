// terse generate: the manual page and the completions, for the build and for packagers. It is not
// part of the help.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/command.h"
#include "app/completions.h"
#include "app/exit_code.h"
#include "app/man_page.h"
#include "io/output.h"

namespace terse {
namespace {

std::string generated(CLI::App& root, const std::string& what) {
  if (what == "bash") return bash_completion(root);
  if (what == "zsh") return zsh_completion(root);
  if (what == "fish") return fish_completion(root);
  return man_page(root);
}

}  // namespace

void add_generate_command(CLI::App& root, Command& selected) {
  CLI::App* command = root.add_subcommand("generate", "Print the manual page or a completion");
  command->group("");
  auto what = std::make_shared<std::string>();
  command->add_option("what", *what, "man, bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"man", "bash", "zsh", "fish"}));
  command->callback([what, &root, &selected] {
    selected = [what, &root] {
      Output(STDOUT_FILENO, "stdout").write(generated(root, *what));
      return int(kOk);
    };
  });
}

}  // namespace terse
