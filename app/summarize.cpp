// terse summarize: a source text in, its summary out, token by token.
#include <memory>

#include "app/command.h"
#include "app/decode_command.h"
#include "app/help.h"

namespace terse {

void add_summarize_command(CLI::App& root, Command& selected) {
  CLI::App* command = root.add_subcommand("summarize", "Summarise texts");
  auto options = std::make_shared<DecodeCommandOptions>();
  add_decode_command_options(*command, *options, "Files to summarise, one text each; - is stdin");
  add_long_source_option(*command, options->decoding);
  command->footer(
      "Without a file it reads stdin. One text in, one line out.\n"
      "Examples:\n"
      "  terse summarize paper.txt\n"
      "  man ls | col -b | terse summarize --long truncate\n"
      "  terse summarize --beam 4 --no-repeat-ngram 3 paper.txt\n"
      "  terse summarize --jsonl --parallel 4 < in.jsonl > out.jsonl\n"
      "  terse summarize --jsonl --resume out.jsonl < in.jsonl\n"
      "\n"
      "With --jsonl each line of input is an object with \"text\" or \"ids\", and each\n"
      "line of output the object of one of them, in the same order:\n"
      "  {\"id\", \"summary\", \"ids\", \"finish\"}; \"finish\" is eos, length or stop\n"
      "  {\"id\", \"line\", \"finish\": \"error\", \"error\"} for one that failed\n"
      "  {..., \"summary\": \"\", \"ids\": [], \"status\": \"empty\"} for one that is blank\n"
      "\"id\" is the record's own, the line's number where it has none, and null where\n"
      "the line cannot be read.");
  command->callback([options, command, &selected] {
    selected = [options, help = terminal_help(*command)] {
      return run_decode_command(*options, {"summary", true}, help);
    };
  });
}

}  // namespace terse
