// --on_nonfinite: a run meets numbers that are not finite.
#include <doctest/doctest.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "run/rollback.h"
#include "support/small_run.h"

using namespace rankine;
using namespace rankine::test;
namespace fs = std::filesystem;

namespace {

/// A learning rate that overflows after one update, and less than a quarter of which does not.
constexpr double kTooHigh = 100;

std::vector<nlohmann::json> metrics(const SmallRun& run) {
  std::vector<nlohmann::json> lines;
  std::ifstream in(run.folder.path("out/metrics.jsonl"));
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

/// Six steps, a state after every second one.
struct RollbackRun : SmallRun {
  RollbackRun() {
    config.run.max_train_steps = 6;
    config.save.save_every_n_steps = 2;
    config.save.on_nonfinite = "rollback";
    config.optim.max_grad_norm = 0;
    config.optim.optimizer_args = {"weight_decay=0"};
  }
  /// The rate is far too high in this step, from 1.
  void spike(int step) {
    config.optim.learning_rate = 1e-3;
    config.optim.lr_schedule.name = "piecewise_constant";
    config.optim.lr_schedule.step_rules = concat_text("1:", step - 1, ",", kTooHigh / 1e-3, ":", step, ",1");
  }
  std::string say(int64_t stop_after = 0) {
    Trigger buffer(concat_text("step ", stop_after, "/"), [&] {
      if (stop_after > 0) raise(SIGINT);
    });
    std::ostream out(&buffer);
    outcome = run_training(config, out, {.line_seconds = 0});
    return buffer.str();
  }
  TrainOutcome outcome;
};

}  // namespace

TEST_CASE("a loss that is not finite tells the first such value of the graph and the pictures") {
  SmallRun run;
  run.config.optim.learning_rate = 1e30;
  for (const char* precision : {"no", "bf16"}) {
    CAPTURE(precision);
    run.config.step.mixed_precision = precision;
    const std::string error = run.error();
    CAPTURE(error);
    CHECK(contains(error, "step 2: the loss is not finite"));
    CHECK(contains(error, "The first value that is not finite: "));
    CHECK(contains(error, "\"unet."));
    CHECK(contains(error, " numbers\n"));
    CHECK(contains(error, "--on_nonfinite rollback"));
    CHECK(contains(error, "pics/1_cat/"));
  }
}

TEST_CASE("rollback before the first save is the run from the beginning with the lower rate") {
  RollbackRun run;
  run.spike(3);
  run.config.save.save_every_n_steps.reset();
  const std::string said = run.say();
  CAPTURE(said);
  CHECK(contains(said,
                 "Going back to the beginning, on with half the learning rate: 0.5 of what is set (1 of at most 4"));
  const auto lines = metrics(run);
  REQUIRE(lines.size() == 6);
  for (size_t i = 0; i < 6; ++i) CHECK(lines[i]["step"] == i + 1);
  const double factor = lines[5]["lr"]["unet"].get<double>() / 1e-3;
  CHECK(factor < 1);
  const auto after = weights(run.outcome.file);

  RollbackRun lower;
  lower.spike(3);
  lower.config.save.save_every_n_steps.reset();
  lower.config.save.on_nonfinite = "stop";
  lower.config.optim.learning_rate = 1e-3 * factor;
  lower.say();
  CHECK(weights(lower.outcome.file) == after);
}

TEST_CASE("rollback goes back to the last state, and stopped and continued it is the same run") {
  RollbackRun straight;
  straight.spike(3);
  const std::string said = straight.say();
  CAPTURE(said);
  CHECK(contains(said, "Going back to the state after step 2, on with half the learning rate"));
  CHECK(straight.outcome.steps == 6);
  const auto lines = metrics(straight);
  REQUIRE(lines.size() == 6);
  for (size_t i = 0; i < 6; ++i) CHECK(lines[i]["step"] == i + 1);
  CHECK(lines[1]["lr"]["unet"] == 1e-3);
  CHECK(lines[5]["lr"]["unet"].get<double>() <= 0.5e-3);
  for (const auto& [name, values] : weights(straight.outcome.file))
    CHECK(std::ranges::all_of(values, [](float x) { return std::isfinite(x); }));

  RollbackRun parts;
  parts.spike(3);
  parts.say(5);
  REQUIRE(parts.outcome.interrupted);
  const std::string rest = parts.say();
  CHECK(contains(rest, " of what is set: the run went back "));
  CHECK(weights(parts.outcome.file) == weights(straight.outcome.file));
}

TEST_CASE("a state that is lost already is passed over for the one before it") {
  RollbackRun run;
  run.spike(4);  // the state of this step is saved, and fails in the next one at any rate
  const std::string said = run.say();
  CAPTURE(said);
  CHECK(contains(said, "Going back to the state after step 4"));
  CHECK(contains(said, "Going back to the state after step 2"));
  CHECK(run.outcome.steps == 6);
  CHECK(metrics(run).size() == 6);
}

TEST_CASE("a weight that overflows is noticed when it is saved, and gone back from too") {
  RollbackRun run;
  run.config.optim.learning_rate = 4.5e38;  // more than float32 holds; half of it is not
  run.config.run.max_train_steps = 1;
  const std::string said = run.say();
  CAPTURE(said);
  CHECK(contains(said, "step 1: lora_unet_"));
  CHECK(contains(said, "Going back to the beginning"));
  CHECK(run.outcome.steps == 1);
}

TEST_CASE("rollback gives up after four times, and nothing good is written over") {
  RollbackRun run;
  run.config.optim.lr_schedule.name = "piecewise_constant";
  run.config.optim.lr_schedule.step_rules = "1:2,1e33:3,1";
  const std::string error = run.error();
  CAPTURE(error);
  CHECK(contains(error, "step 4: "));
  CHECK(contains(error, "--on_nonfinite rollback went back 4 times in this run, to half the learning rate each time"));
  const TrainingState state = read_state(run.folder.path("out/cat.state"));
  CHECK(state.position.step == 2);
  CHECK(state.position.rollbacks == 4);
  for (const StateVariable& variable : state.variables)
    CHECK(std::ranges::all_of(variable.values, [](float x) { return std::isfinite(x); }));
  CHECK(fs::exists(run.folder.path("out/cat-step00000002.safetensors")));
  CHECK(!fs::exists(run.folder.path("out/cat.safetensors")));
}

TEST_CASE("lines of metrics that earlier runs wrote stay when a run goes back to its beginning") {
  RollbackRun run;
  run.config.optim.learning_rate = 1e-3;
  run.say();
  run.spike(3);
  run.config.save.save_every_n_steps.reset();
  run.say();
  const auto lines = metrics(run);
  REQUIRE(lines.size() == 12);
  for (size_t i = 0; i < 12; ++i) CHECK(lines[i]["step"] == i % 6 + 1);
}

TEST_CASE("rollback is refused where there is no learning rate to lower") {
  RollbackRun run;
  run.config.optim.optimizer_type = "Adafactor";
  CHECK(contains(run.error(), "--on_nonfinite rollback lowers the learning rate, but Adafactor finds its own"));
  run.config.optim.optimizer_args = {"relative_step=False"};
  CHECK(run.error().empty());
}
