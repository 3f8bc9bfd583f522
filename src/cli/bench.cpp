#include <iostream>

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/help.h"
#include "cli/subcommands.h"
#include "train/step_benchmark.h"

namespace rankine {
namespace {

FlagTable bench_flags(StepBenchmarkConfig& c) {
  return {{"Flags of step",
           {
               built("--checkpoint", &c.checkpoint, "SD 1.x checkpoint; unset: SD 1.5's sizes with made-up weights"),
               built("--width", &c.width, "Width of the pictures in pixels"),
               built("--height", &c.height, "Height of the pictures in pixels"),
               built("--train_batch_size", &c.batch, "Pictures a step"),
               built("--network_dim", &c.rank, "Rank of the LoRA"),
               built("--train_text_encoder", &c.train_text_encoder, "Train the text encoder's LoRA too"),
               built("--mixed_precision", &c.mixed_precision, "Type to compute in").choose("no,fp16,bf16"),
               built("--gradient_checkpointing", &c.gradient_checkpointing, "Recompute every block"),
               built("--memory_budget", &c.memory_budget, "Memory of the whole process, like 4GiB; unset: no limit"),
               built("--conv_algorithm", &c.conv_algorithm, "How 3x3 convolutions are computed")
                   .choose("auto,direct,winograd"),
               built("--steps", &c.steps, "Steps that are timed, after a first one"),
           }}};
}

}  // namespace

void run_bench(const std::vector<std::string>& args) {
  check(!args.empty() && args[0] == "step", "bench: expected step; see rankine help bench");
  StepBenchmarkConfig config;
  const FlagTable table = bench_flags(config);
  const Arguments arguments = split_arguments(table, {args.begin() + 1, args.end()});
  std::vector<std::string> notes;
  assign_all(arguments, notes);
  check(arguments.positionals.empty(), "bench step: \"", arguments.positionals.empty() ? "" : arguments.positionals[0],
        "\" is no flag");
  check(config.batch >= 1 && config.rank >= 1 && config.steps >= 1, "bench step: sizes must be at least 1");
  check(config.width >= 64 && config.height >= 64 && config.width % 8 == 0 && config.height % 8 == 0,
        "bench step: width and height must be multiples of 8, and 64 at least");
  benchmark_step(config, std::cout);
}

std::string bench_help() {
  StepBenchmarkConfig config;
  return "usage: rankine bench step [FLAGS]\n\n"
         "Times training steps and shows, for each kind of op, its calls, time, arithmetic and bytes, and how near it "
         "comes\n"
         "to what this machine reaches in a plain oneDNN product and a streaming copy.\n" +
         help_text(bench_flags(config));
}

}  // namespace rankine
