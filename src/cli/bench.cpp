#include <iostream>

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/help.h"
#include "cli/subcommands.h"
#include "measure/encode_benchmark.h"
#include "measure/step_benchmark.h"
#include "models/family.h"

namespace rankine {
namespace {

/// The flags that both take.
template <class Config>
std::vector<Flag> common_flags(Config& c) {
  return {
      built("--checkpoint", &c.checkpoint, "Checkpoint; unset: SD 1.5's sizes with made-up weights").path(),
      built("--width", &c.width, "Width of the pictures in pixels"),
      built("--height", &c.height, "Height of the pictures in pixels"),
      built("--mixed_precision", &c.step.mixed_precision, "Type to compute in").choose("no,fp16,bf16"),
      device_flag(c.step.device),
      built("--conv_algorithm", &c.step.conv_algorithm, "How 3x3 convolutions are computed")
          .choose("auto,direct,winograd"),
      built("--by_shape", &c.by_shape, "One row for each size of an op"),
      built("--steps", &c.steps, "Runs that are timed, after a first one"),
  };
}

FlagTable step_flags(StepBenchmarkConfig& c) {
  std::vector<Flag> flags = common_flags(c);
  flags.insert(
      flags.end(),
      {
          built("--train_batch_size", &c.batch, "Pictures a step"),
          built("--network_dim", &c.rank, "Rank of the LoRA"),
          built("--train_text_encoder", &c.train_text_encoder, "Train the text encoder's LoRA too"),
          built("--gradient_checkpointing", &c.step.gradient_checkpointing, "Recompute every block"),
          built("--memory_budget", &c.step.memory_budget, "Memory of the whole process, like 4GiB; unset: no limit"),
      });
  return {{"Flags of step", std::move(flags)}};
}

FlagTable encode_flags(EncodeBenchmarkConfig& c) { return {{"Flags of encode", common_flags(c)}}; }

void read_flags(const std::string& what, const FlagTable& table, const std::vector<std::string>& args) {
  const Arguments arguments = split_arguments(table, args);
  std::vector<std::string> notes;
  assign_all(arguments, notes);
  check(arguments.positionals.empty(), "bench ", what, ": \"",
        arguments.positionals.empty() ? "" : arguments.positionals[0], "\" is no flag");
}

template <class Config>
void check_sizes(const std::string& what, const Config& c) {
  check(c.steps >= 1, "bench ", what, ": --steps must be at least 1, got ", c.steps);
  const int stride = default_family().latents.stride;
  check(c.width >= 64 && c.height >= 64 && c.width % stride == 0 && c.height % stride == 0, "bench ", what,
        ": width and height must be multiples of ", stride, ", and 64 at least");
}

}  // namespace

void run_bench(const std::vector<std::string>& args) {
  check(!args.empty() && (args[0] == "step" || args[0] == "encode"),
        "bench: expected step or encode; see rankine help bench");
  const std::vector<std::string> flags(args.begin() + 1, args.end());
  if (args[0] == "encode") {
    EncodeBenchmarkConfig config;
    read_flags(args[0], encode_flags(config), flags);
    check_sizes(args[0], config);
    benchmark_encode(config, std::cout);
    return;
  }
  StepBenchmarkConfig config;
  read_flags(args[0], step_flags(config), flags);
  check_sizes(args[0], config);
  check(config.batch >= 1 && config.rank >= 1, "bench step: --train_batch_size and --network_dim must be at least 1");
  benchmark_step(config, std::cout);
}

std::string bench_help() {
  StepBenchmarkConfig step;
  EncodeBenchmarkConfig encode;
  return "usage: rankine bench step|encode [FLAGS]\n\n"
         "Times training steps, or encoding pictures into latents, and shows, for each kind of op, its calls, time, "
         "arithmetic\n"
         "and bytes, and how near it comes to what this machine reaches in a plain oneDNN product and a streaming "
         "copy.\n" +
         help_text(step_flags(step)) + help_text(encode_flags(encode));
}

}  // namespace rankine
