#include "cli/launch_line.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "cli/commands.h"

using namespace rankine;

namespace {

using Words = std::vector<std::string>;

/// The flags after the script; `messages` has one text for each note and warning.
std::optional<Words> flags_of(const Words& line, Words* told = nullptr) {
  Messages messages;
  const std::optional<LaunchLine> parsed = parse_launch_line(line, messages);
  if (told) *told = messages.notes;
  if (told) told->insert(told->end(), messages.warnings.begin(), messages.warnings.end());
  return parsed ? std::optional(parsed->flags) : std::nullopt;
}

}  // namespace

TEST_CASE("what stands before train_network.py is taken off, in every form that guides have") {
  const Words flags = {"--seed", "1"};
  for (const Words& before : std::initializer_list<Words>{
           {"accelerate", "launch", "train_network.py"},
           {"accelerate", "launch", "--num_cpu_threads_per_process=2", "./train_network.py"},
           {"accelerate", "launch", "--num_cpu_threads_per_process", "2", "/opt/sd-scripts/train_network.py"},
           {"/venv/bin/accelerate", "launch", "--config_file=a.yaml", "train_network.py"},
           {"python", "train_network.py"},
           {"python3.10", "-u", "train_network.py"},
           {"C:\\kohya\\venv\\Scripts\\python.exe", "C:\\kohya\\train_network.py"},
           {"python", "-m", "accelerate.commands.launch", "--num_processes=1", "train_network.py"},
           {"torchrun", "--nproc_per_node", "1", "train_network.py"},
           {"train_network.py"},
           {"CUDA_VISIBLE_DEVICES=0", "accelerate", "launch", "train_network.py"}}) {
    CAPTURE(before.back());
    Words line = before;
    line.insert(line.end(), flags.begin(), flags.end());
    CHECK(flags_of(line) == flags);
  }
  CHECK(flags_of({"train_network.py"}) == Words{});
}

TEST_CASE("the script of a line says which family it trains") {
  Messages messages;
  for (const char* script : {"train_network.py", "sdxl_train_network.py"})
    CHECK(
        parse_launch_line({"accelerate", "launch", concat_text("C:\\kohya\\", script), "--seed=1"}, messages)->script ==
        script);
  CHECK(parse_launch_line({"python", "-m", "sd_scripts.sdxl_train_network"}, messages)->script ==
        "sdxl_train_network.py");
}

TEST_CASE("other commands are no lines of sd-scripts") {
  CHECK(!flags_of({}));
  CHECK(!flags_of({"train", "--seed", "1"}));
  CHECK(!flags_of({"dataset", "check", "x.py"}));
  CHECK(!flags_of({""}));
  CHECK(!flags_of({"A=1"}));
}

TEST_CASE("another script, or none, is an error that says what it is for") {
  CHECK_THROWS_WITH_AS(flags_of({"accelerate", "launch", "flux_train_network.py"}),
                       "flux_train_network.py trains LoRAs for FLUX.1, which is not supported; LoRAs are trained by "
                       "train_network.py, sdxl_train_network.py or rankine train",
                       Error);
  CHECK_THROWS_WITH_AS(flags_of({"python", "./fine_tune.py", "train_network.py"}),
                       doctest::Contains("trains whole models"), Error);
  CHECK_THROWS_WITH_AS(flags_of({"train_db.py"}), doctest::Contains("trains whole models"), Error);
  CHECK_THROWS_WITH_AS(flags_of({"my_script.py"}), doctest::Contains("none of sd-scripts' scripts"), Error);
  CHECK_THROWS_WITH_AS(flags_of({"accelerate", "launch", "--seed=1"}), doctest::Contains("no train_network.py follows"),
                       Error);
}

TEST_CASE("accelerate's options are told: those without effect, a type that sd-scripts would not use, several GPUs") {
  Words told;
  flags_of({"accelerate", "launch", "--num_cpu_threads_per_process", "8", "--dynamo-backend=no", "train_network.py"},
           &told);
  CHECK(told == Words{"--num_cpu_threads_per_process, --dynamo_backend before the script: no effect, the run is one "
                      "process that uses all cores"});
  flags_of({"accelerate", "launch", "--mixed_precision", "bf16", "train_network.py", "--seed=1"}, &told);
  REQUIRE(told.size() == 1);
  CHECK(told[0].find("--mixed_precision bf16 before train_network.py has no effect") == 0);
  flags_of({"accelerate", "launch", "--mixed_precision", "bf16", "train_network.py", "--mixed_precision=bf16"}, &told);
  CHECK(told.empty());
  flags_of({"accelerate", "launch", "--multi_gpu", "--num_processes=4", "train_network.py"}, &told);
  REQUIRE(told.size() == 1);
  CHECK(told[0].find("--multi_gpu, --num_processes: this run is one process") == 0);
  flags_of({"accelerate", "launch", "--num_processes=1", "--num_machines", "1", "train_network.py"}, &told);
  REQUIRE(told.size() == 1);
  CHECK(told[0].find("no effect") != std::string::npos);
}

TEST_CASE("line ends of Windows are no part of a flag, an empty value stays") {
  CHECK(flags_of({"accelerate", "launch", "^", "train_network.py", "\r", "--seed", "1\r", "--vae", "", "^"}) ==
        Words{"--seed", "1", "--vae", ""});
}

TEST_CASE("a line of sd-scripts trains: what is wrong in it is what rankine train says") {
  CHECK_THROWS_WITH_AS(run_command_line({"accelerate", "launch", "train_network.py", "--sed=1"}),
                       doctest::Contains("unknown flag --sed"), Error);
  CHECK_THROWS_WITH_AS(run_command_line({"train_network.py", "--seed=1"}),
                       doctest::Contains("--pretrained_model_name_or_path is missing"), Error);
}

TEST_CASE("a line may begin with any programs that start others, and with a module instead of a script") {
  const Words flags = {"--seed", "1"};
  for (const Words& before : std::initializer_list<Words>{
           {"accelerate-launch", "train_network.py"},
           {"uv", "run", "accelerate", "launch", "train_network.py"},
           {"uv", "run", "--with", "xformers", "python", "-m", "accelerate.commands.launch", "train_network.py"},
           {"nohup", "accelerate", "launch", "train_network.py"},
           {"nohup", "nice", "-n", "19", "train_network.py"},
           {"env", "PYTHONUTF8=1", "-u", "LANG", "accelerate", "launch", "train_network.py"},
           {"/usr/bin/env", "python3", "sd-scripts/train_network.py"},
           {"poetry", "run", "accelerate", "launch", "train_network.py"},
           {"pipenv", "run", "python", "train_network.py"},
           {"conda", "run", "-n", "kohya", "--no-capture-output", "accelerate", "launch", "train_network.py"},
           {"micromamba", "run", "-n", "kohya", "accelerate", "launch", "--mixed_precision=no", "train_network.py"},
           {"sudo", "-E", "CUDA_VISIBLE_DEVICES=0", "accelerate", "launch", "train_network.py"},
           {"taskset", "-c", "0-3", "time", "python", "train_network.py"},
           {"srun", "--gres=gpu:1", "accelerate", "launch", "train_network.py"},
           {"stdbuf", "-oL", "A=1", "python", "train_network.py"},
           {"!accelerate", "launch", "train_network.py"},
           {"C:\\kohya\\venv\\Scripts\\accelerate.EXE", "launch", "`", "C:\\kohya\\sd-scripts\\train_network.py"},
           {"deepspeed", "--num_gpus=1", "train_network.py"},
           {"accelerate", "launch", "-m", "train_network"},
           {"python", "-m", "sd_scripts.train_network"}}) {
    Words line = before;
    CAPTURE(before[0]);
    line.insert(line.end(), flags.begin(), flags.end());
    CHECK(flags_of(line) == flags);
  }
  CHECK_THROWS_WITH_AS(flags_of({"uv", "run", "accelerate", "launch", "sd3_train_network.py"}),
                       doctest::Contains("trains LoRAs for SD 3"), Error);
  CHECK_THROWS_WITH_AS(flags_of({"nohup", "accelerate", "launch", "my.py"}),
                       doctest::Contains("none of sd-scripts' scripts"), Error);
  CHECK(!flags_of({"sample", "--prompt", "train_network.py"}));
  CHECK(!flags_of({"trian", "--network_weights", "a.safetensors"}));
}
