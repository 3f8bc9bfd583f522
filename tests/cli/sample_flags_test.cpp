#include "cli/sample_flags.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "cli/arguments.h"

using namespace rankine;

namespace {

SampleConfig read(const std::vector<std::string>& args) {
  SampleConfig config;
  const FlagTable table = sample_flags(config);
  std::vector<std::string> notes;
  assign_all(split_arguments(table, args), notes);
  return config;
}

}  // namespace

TEST_CASE("sample takes a checkpoint under both of its names, and LoRAs with strengths") {
  const SampleConfig c = read({"--ckpt", "a.safetensors", "--network_weights", "x.safetensors", "y.safetensors",
                               "--network_mul", "0.5", "--prompt", "a cat", "--W", "768", "--sampler", "euler"});
  CHECK(c.ckpt == "a.safetensors");
  CHECK(c.strength(0) == 0.5);
  CHECK(c.strength(1) == 1);
  CHECK(c.width == 768);
  CHECK(c.sampler == "euler");
  CHECK(c.device == "auto");
  CHECK(read({"--device", "cpu"}).device == "cpu");
  CHECK_NOTHROW(check_sample_config(c));
  CHECK(read({"--pretrained_model_name_or_path=b"}).ckpt == "b");
}

TEST_CASE("sample names a setting that is missing or out of range") {
  CHECK_THROWS_WITH_AS(check_sample_config(read({})), doctest::Contains("--ckpt is missing"), Error);
  CHECK_THROWS_WITH_AS(check_sample_config(read({"--ckpt=a", "--W=32"})), doctest::Contains("at least 64, got 32"),
                       Error);
  CHECK_THROWS_WITH_AS(check_sample_config(read({"--ckpt=a", "--fp16", "--bf16"})), doctest::Contains("one of them"),
                       Error);
  CHECK_THROWS_WITH_AS(check_sample_config(read({"--ckpt=a", "--network_mul=1"})),
                       doctest::Contains("--network_mul has 1"), Error);
  CHECK_THROWS_AS(read({"--sampler=plms"}), Error);
}
