#include <doctest/doctest.h>

#include "base/error.h"
#include "cli/captured_output.h"
#include "cli/commands.h"
#include "data/temporary_folder.h"
#include "models/checkpoint/layout.h"
#include "models/checkpoint/synthetic.h"

using namespace rankine;

namespace {

/// The output of `rankine bench ARGS` with a tiny checkpoint.
std::string output_of(CommandLine args) {
  const test::TemporaryFolder folder;
  const std::string file = folder.path("tiny.safetensors");
  write_synthetic_checkpoint(layout_of("tiny-sd15"), 1, file);
  args.insert(args.begin(), "bench");
  for (const char* arg : {"--checkpoint", file.c_str(), "--width", "72", "--height", "64", "--steps", "1"})
    args.emplace_back(arg);
  const test::CapturedOutput output;
  run_command_line(args);
  return output.text();
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("bench encode shows the ops of the encoder, the time of a picture and its memory") {
  for (const char* algorithm : {"direct", "winograd"}) {
    const std::string text = output_of({"encode", "--mixed_precision", "no", "--conv_algorithm", algorithm});
    CAPTURE(text);
    for (const char* part : {"\nconv2d 3x3 stride 2 ", "\ngroup_norm ", "\nscaled_dot_product_attention ", "\nall ",
                             "a picture: median ", "memory: weights ", "limits of this machine: "})
      CHECK(has(text, part));
  }
  CHECK(has(output_of({"encode", "--by_shape"}), "\nconv2d 3x3 64x72x3 -> 64x72x32 "));
}

TEST_CASE("bench step shows the ops of a training step") {
  const std::string text = output_of({"step", "--mixed_precision", "no", "--network_dim", "2"});
  CAPTURE(text);
  for (const char* part : {"\nlora_linear ", "\nconv2d_grad_x 3x3 ", "\nforward + backward ", "step: median "})
    CHECK(has(text, part));
}

TEST_CASE("bench names what is wrong with its arguments") {
  CHECK_THROWS_WITH_AS(run_command_line({"bench", "encod"}), doctest::Contains("expected step or encode"), Error);
  CHECK_THROWS_WITH_AS(run_command_line({"bench", "encode", "--width", "65"}),
                       doctest::Contains("bench encode: width and height must be multiples of 8"), Error);
  CHECK_THROWS_WITH_AS(run_command_line({"bench", "encode", "--steps", "0"}), doctest::Contains("at least 1"), Error);
  CHECK_THROWS_WITH_AS(run_command_line({"bench", "encode", "128"}), doctest::Contains("\"128\" is no flag"), Error);
  CHECK_THROWS_AS(run_command_line({"bench", "encode", "--network_dim", "4"}), Error);
}
