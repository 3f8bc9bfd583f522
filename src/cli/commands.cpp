#include "cli/commands.h"

#include <algorithm>
#include <array>
#include <iostream>

#include "base/error.h"
#include "base/shortened.h"
#include "cli/flags.h"
#include "cli/help.h"
#include "cli/launch_line.h"
#include "cli/misplaced.h"
#include "cli/subcommands.h"
#include "io/nearest_name.h"

namespace rankine {
namespace {

void run_help(const CommandLine& args);
std::string help_of_help() {
  return "usage: rankine help [COMMAND]\n       rankine help --markdown    flags and dataset keys of train as "
         "Markdown: docs/flags.md\n";
}

constexpr std::array command_table = {
    Command{"bench", "time a training step, op by op", run_bench, bench_help},
    Command{"checkpoint", "write a synthetic checkpoint, or say what is inside one", run_checkpoint, checkpoint_help},
    Command{"dataset", "check the pictures and captions of a dataset, or draw what the network sees", run_dataset,
            dataset_help},
    Command{"help", "help on a command", run_help, help_of_help},
    Command{"plot", "draw the loss of a training run", run_plot, plot_help},
    Command{"sample", "make pictures with a checkpoint and LoRAs", run_sample, sample_help},
    Command{"train", "train a LoRA on a folder of pictures", run_train, train_help},
};

const Command& find_command(const std::string& name) {
  std::vector<std::string_view> names;
  for (const Command& command : command_table) {
    if (command.name == name) return command;
    names.push_back(command.name);
  }
  check(!name.starts_with('-'), "\"", shortened(name), "\" is no command; flags follow one: rankine train ",
        shortened(name), " ...");
  const std::string flag = flag_of_file(name);
  check(flag.empty(), "\"", shortened(name), "\" is no command; it is given as rankine train ", flag, " ",
        shortened(name));
  fail("unknown command \"", shortened(name), "\"", nearest_hint(name, names), "; rankine --help lists all");
}

std::string overview() {
  std::string text =
      "Rankine trains LoRAs for Stable Diffusion.\n\n"
      "usage: rankine COMMAND [ARGUMENTS]\n"
      "       rankine accelerate launch ... train_network.py ...    a line of sd-scripts as it is\n\n";
  for (const Command& command : command_table) {
    std::string line = "  " + std::string(command.name);
    line.resize(14, ' ');
    text += line + std::string(command.summary) + '\n';
  }
  return text + "\nrankine help COMMAND says more of one; rankine --version says which this is.\n";
}

void run_help(const CommandLine& args) {
  if (args.empty()) {
    std::cout << overview();
  } else if (args[0] == "--markdown") {
    TrainOptions options;
    std::cout << help_markdown(train_flags(options)) << dataset_keys_markdown();
  } else {
    std::cout << find_command(args[0]).help();
  }
}

bool asks_for_help(const CommandLine& args) {
  return std::any_of(args.begin(), args.end(), [](const std::string& arg) { return arg == "--help" || arg == "-h"; });
}

}  // namespace

std::span<const Command> commands() { return command_table; }

bool is_command_name(std::string_view name) {
  return std::ranges::find(command_table, name, &Command::name) != command_table.end();
}

void run_command_line(const CommandLine& args) {
  if (args.empty() || args[0] == "--help" || args[0] == "-h") return run_help({});
  if (args[0] == "--version") {
    std::cout << "rankine " << RANKINE_VERSION << '\n';
    return;
  }
  Messages messages;
  const std::optional<LaunchLine> line = parse_launch_line(args, messages);
  messages.write();
  const Command& command = find_command(line ? "train" : args[0]);
  const CommandLine rest = line ? line->flags : CommandLine(args.begin() + 1, args.end());
  if (asks_for_help(rest)) {
    std::cout << command.help();
  } else if (line) {
    train_as(line->script, rest);
  } else {
    command.run(rest);
  }
}

}  // namespace rankine
