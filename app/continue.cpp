// terse continue: a prompt in, its continuation by a language model out, token by token.
#include <memory>

#include "app/command.h"
#include "app/decode_command.h"
#include "app/help.h"

namespace terse {

void add_continue_command(CLI::App& root, Command& selected) {
  CLI::App* command = root.add_subcommand("continue", "Continue texts with a language model");
  auto options = std::make_shared<DecodeCommandOptions>();
  add_decode_command_options(*command, *options, "Files with prompts, one each; - is stdin");
  command->add_option("-p,--prompt", options->prompt, "The prompt itself; may be empty")
      ->type_name("TEXT");
  command->footer(
      "Without --prompt and without a file it reads stdin. One prompt in, one line\n"
      "out: what follows the prompt, with the space between them if there is one.\n"
      "Examples:\n"
      "  terse continue -m my-model -p \"The package provides\"\n"
      "  terse continue -m my-model --temperature 0.8 --top-p 0.9 --seed 1 prompt.txt\n"
      "  terse continue -m my-model --jsonl < prompts.jsonl > out.jsonl\n"
      "\n"
      "The protocol of --jsonl is that of 'terse summarize --help', with\n"
      "\"continuation\" in place of \"summary\".");
  command->callback([options, command, &selected] {
    selected = [options, help = terminal_help(*command)] {
      return run_decode_command(*options, {"continuation", false}, help);
    };
  });
}

}  // namespace terse
