#include <iostream>
#include <optional>

#include "base/error.h"
#include "base/timer.h"
#include "cli/arguments.h"
#include "cli/help.h"
#include "cli/subcommands.h"
#include "models/checkpoint/checkpoint.h"
#include "models/checkpoint/layout.h"
#include "models/checkpoint/synthetic.h"
#include "watch/summary.h"

namespace rankine {
namespace {

struct SynthOptions {
  std::optional<std::string> arch;
  std::optional<std::string> layout;
  int64_t seed = 0;
};

FlagTable synth_flags(SynthOptions& o) {
  return {
      {"Flags of synth",
       {
           built("--arch", &o.arch, "Which layout of tensors").choose(architecture_names()),
           built("--layout", &o.layout, "JSON file with the names and shapes of all tensors, instead of --arch").path(),
           built("--seed", &o.seed, "Seed of the values"),
       }}};
}

void run_synth(const std::vector<std::string>& args) {
  SynthOptions options;
  const FlagTable table = synth_flags(options);
  const Arguments arguments = split_arguments(table, args);
  std::vector<std::string> notes;
  assign_all(arguments, notes);
  check(arguments.positionals.size() == 1, "checkpoint synth: expected one file to write, got ",
        arguments.positionals.size());
  check(options.arch.has_value() != options.layout.has_value(), "checkpoint synth: give either --arch or --layout");
  check(options.seed >= 0, "--seed must be at least 0, got ", options.seed);

  const Timer timer;
  const Layout layout = options.arch ? layout_of(*options.arch) : read_layout(*options.layout);
  write_synthetic_checkpoint(layout, static_cast<uint64_t>(options.seed), arguments.positionals[0]);
  std::cout << arguments.positionals[0] << ": " << layout.architecture << ", " << layout.tensors.size() << " tensors, "
            << count_text(layout.elements()) << " values, seed " << options.seed << ", written in "
            << static_cast<int>(timer.seconds() * 10) / 10.0 << " s\n";
}

void run_info(const std::vector<std::string>& args) {
  check(args.size() == 1, "checkpoint info: expected one file or folder, got ", args.size());
  std::cout << Checkpoint::open(args[0]).describe();
}

}  // namespace

void run_checkpoint(const std::vector<std::string>& args) {
  check(!args.empty(), "checkpoint: expected synth or info; see rankine help checkpoint");
  const std::vector<std::string> rest(args.begin() + 1, args.end());
  if (args[0] == "synth") return run_synth(rest);
  if (args[0] == "info") return run_info(rest);
  fail("checkpoint: expected synth or info, got \"", args[0], "\"");
}

std::string checkpoint_help() {
  SynthOptions options;
  return "usage: rankine checkpoint synth (--arch NAME | --layout FILE.json) [--seed N] FILE.safetensors\n"
         "       rankine checkpoint info FILE|FOLDER\n\n"
         "synth writes a checkpoint whose values anybody can compute again from the seed: for tests and measurements.\n"
         "info says which family a checkpoint is of and what is inside.\n" +
         help_text(synth_flags(options));
}

}  // namespace rankine
