// A second kind of adapter through the whole program: it needs one file and one line in the table of adapters.
#include "toys/toy_adapter.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <nlohmann/json.hpp>

#include "backend/registry.h"
#include "io/safetensors.h"
#include "network/adapter_file.h"
#include "sample/image_sampler.h"
#include "support/small_run.h"

using namespace rankine;
using namespace rankine::test;

namespace {

/// Runs of the toy adapter in one output folder.
struct ToyRun : SmallRun {
  ToyRun() {
    config.network.network_module = "networks.toy";
    config.network.network_train_unet_only = false;
    config.network.network_args = {"conv_dim=1"};
    config.optim.learning_rate = 0.01;
  }
  TrainOutcome train_as(const std::string& name) {
    config.save.output_name = name;
    return train();
  }
  /// The loss of each step of the last run.
  std::vector<double> losses() const {
    std::vector<double> all;
    std::istringstream metrics(bytes_of(folder.path("out/metrics.jsonl")));
    for (std::string line; std::getline(metrics, line);) {
      const nlohmann::json step = nlohmann::json::parse(line);
      if (step.at("step") == 1) all.clear();
      all.push_back(step.at("loss"));
    }
    return all;
  }
};

double largest(const std::vector<float>& values) {
  double most = 0;
  for (const float value : values) most = std::max(most, std::abs(static_cast<double>(value)));
  return most;
}

}  // namespace

TEST_CASE("a second adapter trains, and its file has its own tensors and names") {
  ToyRun run;
  run.config.run.max_train_steps = 1;
  run.train_as("first");
  const double untrained = run.losses().at(0);
  run.config.run.max_train_steps = 40;
  const TrainOutcome outcome = run.train_as("toy");
  CHECK(run.losses().at(0) == untrained);
  const SafetensorsFile file = SafetensorsFile::open(outcome.file);
  CHECK(file.metadata().at("ss_network_module") == "networks.toy");
  CHECK(file.metadata().at("modelspec.architecture") == "stable-diffusion-v1/toy");
  int scales = 0, moved = 0;
  for (const TensorInfo& tensor : file.tensors()) {
    CAPTURE(tensor.name);
    if (tensor.name.ends_with(".alpha")) continue;
    CHECK(tensor.name.ends_with(".toy_scale"));
    ++scales;
    moved += largest(file.read_f32(tensor.name)) > 0;
  }
  CHECK(file.tensors().size() == static_cast<size_t>(2 * scales));
  CHECK(scales > 200);
  CHECK(moved > scales / 2);
  // From these weights the first step's loss, with the same pictures and noise, is lower than it was.
  run.config.network.network_weights = outcome.file;
  run.config.run.max_train_steps = 1;
  run.train_as("next");
  CHECK(run.losses().at(0) < 0.99 * untrained);
}

TEST_CASE("a second adapter's file is loaded again, and merged into the base model it has the same effect") {
  ToyRun run;
  run.config.run.max_train_steps = 6;
  const std::string file = run.train_as("toy").file;
  run.config.run.max_train_steps = 1;
  run.config.optim.learning_rate = 1e-30;  // moves a weight by no more than that
  run.config.network.network_weights = file;
  const auto again = weights(run.train_as("again").file), before = weights(file);
  CHECK(again.size() == before.size());
  for (const auto& [name, values] : before) {
    CAPTURE(name);
    REQUIRE(again.at(name).size() == values.size());
    for (size_t i = 0; i < values.size(); ++i) CHECK(std::abs(again.at(name)[i] - values[i]) <= 2e-30f);
  }
  const double applied = run.losses().at(0);

  run.config.network = {};
  run.config.network.network_dim = 2;
  run.train_as("base");
  const double base = run.losses().at(0);
  run.config.network.base_weights = {file};
  run.train_as("merged");
  const double merged = run.losses().at(0);
  CHECK(std::abs(applied - base) > 1e-3 * base);
  CHECK(merged == doctest::Approx(applied).epsilon(1e-5));

  run.config.network.base_weights_multiplier = {0};
  run.train_as("none");
  CHECK(run.losses().at(0) == base);
}

TEST_CASE("pictures are sampled with files of several kinds at once") {
  ToyRun run;
  run.config.run.max_train_steps = 4;
  const std::string toy = run.train_as("toy").file;
  run.config.network = {};
  run.config.network.network_dim = 2;
  const std::string lora = run.train_as("lora").file;
  const Checkpoint checkpoint = Checkpoint::open(tiny_checkpoint());
  const std::vector<AdaptedLayer> adaptable = adaptable_layers(checkpoint.tensors(), checkpoint.family().adaptable);
  const auto latents = [&](const std::vector<std::string>& files, double strength) {
    std::vector<WeightedAdapter> adapters;
    for (const std::string& file : files) adapters.push_back({read_adapter(file, adaptable), strength});
    return ImageSampler(find_backend("cpu"), checkpoint, {}, std::move(adapters))
        .latents({.prompt = "a cat",
                  .negative_prompt = "",
                  .sampler = "euler",
                  .steps = 2,
                  .scale = 1,
                  .seed = 3,
                  .width = 64,
                  .height = 64});
  };
  const auto base = latents({}, 1), of_toy = latents({toy}, 1), of_lora = latents({lora}, 1),
             both = latents({toy, lora}, 1);
  CHECK(latents({toy, lora}, 0) == base);
  CHECK(of_toy != base);
  CHECK(both != of_toy);
  CHECK(both != of_lora);
}

TEST_CASE("a second adapter's run that was stopped ends where one without a stop ends") {
  ToyRun run;
  run.config.run.max_train_steps = 5;
  const auto straight = weights(run.train_as("straight").file);
  run.config.save.output_name = "parts";
  Trigger buffer("step 2/", [] { raise(SIGINT); });
  std::ostream out(&buffer);
  const TrainOutcome stopped = run_training(run.config, out, {.line_seconds = 0});
  CHECK(stopped.interrupted);
  CHECK(stopped.steps == 2);
  CHECK(weights(run.train().file) == straight);
}

TEST_CASE("a second adapter trains in bf16 weights with accumulation, and saves what it can hold") {
  ToyRun run;
  run.config.step.mixed_precision = "bf16";
  run.config.step.full_bf16 = true;
  run.config.run.gradient_accumulation_steps = 2;
  run.config.run.max_train_steps = 2;
  const SafetensorsFile file = SafetensorsFile::open(run.train_as("toy").file);
  CHECK(file.tensors().front().dtype == DType::bf16);
}

TEST_CASE("settings and files of another kind of adapter are refused by name") {
  ToyRun run;
  run.config.run.max_train_steps = 1;
  const std::string toy = run.train_as("toy").file;
  const auto error_with = [&](const auto& change) {
    ToyRun other;
    change(other.config.network);
    return other.error();
  };
  CHECK(contains(error_with([](NetworkConfig& c) { c.scale_weight_norms = 1; }),
                 "--scale_weight_norms: networks.toy (toy) has no rule for the norm of its update"));
  CHECK(contains(error_with([](NetworkConfig& c) { c.network_args = {"rank_dropout=0.1"}; }),
                 "\"rank_dropout\" is unknown to networks.toy"));
  CHECK(contains(error_with([](NetworkConfig& c) { c.network_module = "networks.tor"; }),
                 "--network_module: \"networks.tor\" is unknown; the nearest is \"networks.toy\"; there are "
                 "networks.lora,networks.toy"));
  CHECK(contains(error_with([&](NetworkConfig& c) {
                   c.network_module = "networks.lora";
                   c.network_weights = toy;
                 }),
                 toy + " is a toy, but --network_module is networks.lora"));
}
