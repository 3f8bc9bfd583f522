#include <iostream>

#include "backend/registry.h"
#include "base/log.h"
#include "cli/arguments.h"
#include "cli/help.h"
#include "cli/sample_flags.h"
#include "cli/subcommands.h"
#include "sample/sample_run.h"

namespace rankine {

void run_sample(const std::vector<std::string>& args) {
  SampleConfig config;
  const FlagTable table = sample_flags(config);
  const Arguments arguments = split_arguments(table, args);
  check(arguments.positionals.empty(), "sample: \"", arguments.positionals.empty() ? "" : arguments.positionals[0],
        "\" belongs to no flag; a prompt of several words needs quotes");
  std::vector<std::string> notes;
  assign_all(arguments, notes);
  for (const std::string& file :
       sample_pictures(plan_sample(config, find_backend(config.device)), std::cerr, Progress::options_for_stderr()))
    std::cout << file << '\n';
}

std::string sample_help() {
  SampleConfig config;
  return "usage: rankine sample --ckpt MODEL [--network_weights LORA...] --prompt TEXT [FLAGS]\n\n"
         "Makes pictures with a checkpoint and any number of LoRAs, and prints the files it wrote: PNG, with what made "
         "them\nin the chunk \"parameters\". Flags are named as in sd-scripts' gen_img.py.\n" +
         help_text(sample_flags(config));
}

}  // namespace rankine
