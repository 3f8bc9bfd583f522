#include "cli/commands.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "cli/captured_output.h"
#include "data/temporary_folder.h"

using namespace rankine;

namespace {

/// The standard output of a command.
std::string output_of(const CommandLine& args) {
  const test::CapturedOutput output;
  run_command_line(args);
  return output.text();
}

}  // namespace

TEST_CASE("the help names every command, and each command has help of its own") {
  const std::string overview = output_of({});
  CHECK(overview == output_of({"--help"}));
  CHECK(overview == output_of({"help"}));
  for (const Command& command : commands()) {
    const std::string name(command.name);
    CAPTURE(name);
    CHECK(overview.find("\n  " + name + " ") != std::string::npos);
    CHECK(output_of({name, "--help"}) == output_of({"help", name}));
    CHECK(output_of({name, "-h"}).find("usage: rankine " + name) == 0);
  }
}

TEST_CASE("the version is the project's") { CHECK(output_of({"--version"}).find("rankine 0.") == 0); }

TEST_CASE("an unknown command is an error with the nearest name") {
  CHECK_THROWS_WITH_AS(run_command_line({"chekpoint"}), doctest::Contains("the nearest is \"checkpoint\""), Error);
}

TEST_CASE("a synthetic checkpoint is written and recognised") {
  const std::string file =
      (std::filesystem::temp_directory_path() / ("rankine_synth_" + std::to_string(getpid()) + ".safetensors"))
          .string();
  CHECK(output_of({"checkpoint", "synth", "--arch", "tiny-sd15", "--seed", "3", file}).find("986 tensors") !=
        std::string::npos);
  CHECK(output_of({"checkpoint", "info", file}).find("SD 1.x") != std::string::npos);
  std::filesystem::remove(file);
}

TEST_CASE("checkpoint names what is missing") {
  CHECK_THROWS_AS(run_command_line({"checkpoint"}), Error);
  CHECK_THROWS_AS(run_command_line({"checkpoint", "syth", "x"}), Error);
  CHECK_THROWS_WITH_AS(run_command_line({"checkpoint", "synth", "x"}), doctest::Contains("--arch or --layout"), Error);
  CHECK_THROWS_WITH_AS(run_command_line({"checkpoint", "synth", "--arch=sd15"}), doctest::Contains("one file"), Error);
  CHECK_THROWS_AS(run_command_line({"checkpoint", "info"}), Error);
}

TEST_CASE("a file, a folder or a flag in the place of a command or of a flag is named with the right place") {
  const test::TemporaryFolder folder;
  const auto told = [](const CommandLine& args) {
    try {
      run_command_line(args);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  std::filesystem::create_directories(folder.path("pictures"));
  std::filesystem::create_directories(folder.path("model/unet"));
  for (const auto& [file, flag] : {std::pair{folder.text("run.toml", "seed = 1"), "--config_file "},
                                   {folder.text("preset.json", "{}"), "--config_file "},
                                   {folder.text("data.toml", "[[datasets]]"), "--dataset_config "},
                                   {folder.text("model.safetensors", ""), "--pretrained_model_name_or_path "},
                                   {folder.path("model"), "--pretrained_model_name_or_path "},
                                   {folder.path("pictures"), "--train_data_dir "}}) {
    CAPTURE(file);
    CHECK(told({"train", file}).find("it is given as " + (flag + file)) != std::string::npos);
    CHECK(told({file}).find("it is given as rankine train " + (flag + file)) != std::string::npos);
  }
  CHECK(told({"train", "nothing.toml"}).find("flags start with --") != std::string::npos);
  CHECK(told({"--seed", "1"}).find("rankine train --seed") != std::string::npos);
}

TEST_CASE("rankine train alone names all that is missing") {
  CHECK_THROWS_WITH_AS(run_command_line({"train"}), doctest::Contains("--pretrained_model_name_or_path is missing"),
                       Error);
  CHECK_THROWS_WITH_AS(run_command_line({"train"}), doctest::Contains("give --train_data_dir"), Error);
  CHECK_THROWS_WITH_AS(run_command_line({"train"}), doctest::Contains("--output_dir is missing"), Error);
}
