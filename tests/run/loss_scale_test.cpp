#include "step/loss_scale.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "run/state/state_file.h"
#include "support/small_run.h"

using namespace rankine;
using namespace rankine::test;

namespace {

std::vector<nlohmann::json> metrics(const std::string& folder) {
  std::vector<nlohmann::json> lines;
  std::ifstream in(folder + "/metrics.jsonl");
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

}  // namespace

TEST_CASE("the loss scale halves at an overflow and doubles after 2000 steps without, as torch's GradScaler has it") {
  LossScale scale(true, {});
  CHECK(scale.value() == 65536);
  scale.update(true);
  CHECK(scale.value() == 32768);
  for (int i = 0; i < 1999; ++i) scale.update(false);
  CHECK(scale.value() == 32768);
  scale.update(true);  // the count begins anew
  CHECK(scale.value() == 16384);
  for (int i = 0; i < 2000; ++i) scale.update(false);
  CHECK(scale.value() == 32768);
  CHECK(scale.state() == LossScaleState{32768, 0});

  LossScale again(true, {16384, 1999});
  again.update(false);
  CHECK(again.value() == 32768);

  LossScale none(false, {});
  none.update(true);
  CHECK(none.value() == 1);
}

TEST_CASE("a step that overflows fp16 is skipped: weights, optimiser and schedule wait while the scale halves") {
  SmallRun run;
  run.config.step.mixed_precision = "fp16";
  run.config.optim.lr_schedule.name = "linear";
  run.config.run.max_train_steps = 8;
  run.config.save.save_every_n_steps = 2;
  run.config.save.save_state = true;
  run.train();
  const std::vector<nlohmann::json> straight = metrics(run.folder.path("out"));
  const double fitting = straight.back()["values"]["loss_scale"];
  CHECK(fitting >= 1);

  // The same from step 2 with a scale that is 2^60 too large: nothing but the scale moves until it fits again.
  const std::string file = run.folder.path("out/cat-step00000002-state/state.safetensors");
  TrainingState state = read_state(file);
  CHECK(state.position.loss_scale.scale == fitting);
  CHECK(state.position.updates == 2);
  state.position.loss_scale = {fitting * 0x1p60, 7};
  write_state(run.folder.path("large.state"), state);
  run.config.save.resume = run.folder.path("large.state");
  run.config.save.output_dir = run.folder.path("skipping");
  run.config.run.max_train_steps = 6;
  run.train();
  const TrainingState after = read_state(run.folder.path("skipping/cat-step00000006-state/state.safetensors"));
  CHECK(after.position.step == 6);
  CHECK(after.position.updates == 2);
  CHECK(after.position.skipped == 4);
  CHECK(after.position.loss_scale == LossScaleState{fitting * 0x1p56, 0});
  REQUIRE(after.variables.size() == state.variables.size());
  for (size_t i = 0; i < state.variables.size(); ++i) CHECK(after.variables[i].values == state.variables[i].values);
  const std::vector<nlohmann::json> skipped = metrics(run.folder.path("skipping"));
  REQUIRE(skipped.size() == 4);
  for (size_t i = 0; i < 4; ++i) {
    CHECK(skipped[i]["values"]["loss_scale"] == std::ldexp(fitting, 60 - static_cast<int>(i)));
    CHECK(skipped[i]["grad_norm"].is_null());
    CHECK(skipped[i]["lr"]["unet"] == skipped[0]["lr"]["unet"]);
    CHECK(std::isfinite(skipped[i]["loss"].get<double>()));  // the forward pass knows no scale
  }
}

TEST_CASE("a run whose values overflow fp16 whatever the loss scale stops and says what helps") {
  SmallRun run;
  run.config.step.mixed_precision = "fp16";
  run.config.optim.learning_rate = 1e30;
  run.config.run.max_train_steps = 40;
  const std::string error = run.error();
  CHECK(contains(error, "overflow fp16"));
  CHECK(contains(error, "--mixed_precision bf16"));
  CHECK(contains(error, ".png"));
}

TEST_CASE("only fp16 has a loss scale to tell of") {
  SmallRun run;
  run.config.step.mixed_precision = "bf16";
  run.config.run.max_train_steps = 1;
  run.train();
  const nlohmann::json line = metrics(run.folder.path("out")).at(0);
  CHECK((!line.contains("values") || !line["values"].contains("loss_scale")));
}
