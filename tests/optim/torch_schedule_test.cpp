#include "optim/torch_schedule.h"
#include "optim/python_names.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "optim/lr_schedule.h"
#include "support/source_dir.h"

using namespace rankine;
using Json = nlohmann::json;

namespace {

using Args = std::vector<std::string>;

/// The schedules that scripts/record_torch_schedules.py recorded.
Json recorded() {
  std::ifstream file(std::filesystem::path(source_dir()) / "tests/optim/torch_schedules.json");
  REQUIRE(file.good());
  return Json::parse(file);
}

void check_refused(const std::string& type, const Args& args, const char* expected) {
  CAPTURE(type);
  CHECK_THROWS_WITH_AS(make_torch_schedule(type, args, 100), doctest::Contains(expected), Error);
}

}  // namespace

TEST_CASE("torch's schedules give the rates that torch itself steps through") {
  std::set<std::string> seen;
  for (const Json& one : recorded()) {
    const auto type = one.at("type").get<std::string>();
    const auto args = one.at("args").get<Args>();
    const auto rate = one.at("learning_rate").get<double>();
    const auto values = one.at("values").get<std::vector<double>>();
    CAPTURE(type);
    CAPTURE(one.at("args").dump());
    seen.insert(type);
    const auto steps = static_cast<int64_t>(values.size());
    const ScheduledRate schedule = make_torch_schedule("torch.optim.lr_scheduler." + type, args, steps);
    for (int64_t step = 0; step < steps; ++step) {
      CAPTURE(step);
      const double expected = values[static_cast<size_t>(step)];
      // torch multiplies the rate of the step before, which rounds each time, and leaves a remainder where it ends at
      // 0.
      REQUIRE(std::abs(schedule(rate, step) - expected) <= 1e-9 * std::abs(expected) + 1e-15);
    }
  }
  for (const std::string_view name : torch_schedule_names()) {
    CAPTURE(name);
    CHECK(seen.contains(std::string(name)));
  }
}

TEST_CASE("a schedule whose least rate is absolute moves each group from its own rate to that") {
  const LrSchedule schedule({.max_train_steps = 10,
                             .lr_scheduler_type = "CosineAnnealingLR",
                             .lr_scheduler_args = {"T_max=10", "eta_min=1e-5"}});
  CHECK(schedule.rate(1e-3, 0) == doctest::Approx(1e-3));
  CHECK(schedule.rate(1e-4, 0) == doctest::Approx(1e-4));
  CHECK(schedule.rate(1e-3, 10) == doctest::Approx(1e-5));
  CHECK(schedule.rate(1e-4, 10) == doctest::Approx(1e-5));
}

TEST_CASE("schedules that cannot be are refused with what there is and what to change") {
  check_refused("CosineAnealingLR", {}, "CosineAnnealingWarmRestarts");
  check_refused("my_schedules.Rex", {}, "written in Python");
  check_refused("torch.optim.lr_scheduler.LambdaLR", {}, "Python function");
  check_refused("ReduceLROnPlateau", {}, "measured loss");
  check_refused("SequentialLR", {}, "other schedules");
  check_refused("CosineAnnealingLR", {}, "T_max=");
  check_refused("CosineAnnealingLR", {"T_max=ten"}, "whole number");
  check_refused("CosineAnnealingLR", {"T_max=0"}, "at least 1");
  check_refused("CosineAnnealingLR", {"T_max=10", "eta_max=1"},
                "--lr_scheduler_args: CosineAnnealingLR has no setting");
  check_refused("MultiStepLR", {"milestones=[]"}, "numbers like");
  check_refused("ConstantLR", {"factor=2"}, "0 to 1");
  check_refused("OneCycleLR", {"max_lr=1e-3", "total_steps=100"}, "cycle_momentum=False");
  check_refused("OneCycleLR", {"max_lr=1e-3", "cycle_momentum=False"}, "total_steps=100");
  check_refused("OneCycleLR", {"max_lr=1e-3", "cycle_momentum=False", "total_steps=99"}, "the run has 100");
  check_refused("CyclicLR", {"base_lr=0", "max_lr=1e-3", "mode='square'", "cycle_momentum=False"}, "triangular2");
}

TEST_CASE("Python's names of schedules lead to ours, and those that are not built are refused as such") {
  CHECK(schedule_named("cosine") == "cosine");
  CHECK_THROWS_WITH_AS(schedule_named("transformers.get_cosine_schedule_with_warmup"),
                       doctest::Contains("--lr_scheduler cosine"), Error);
  CHECK_THROWS_WITH_AS(schedule_named("torch.optim.lr_scheduler.CosineAnnealingLR"),
                       doctest::Contains("--lr_scheduler_type"), Error);
  CHECK_THROWS_WITH_AS(schedule_named("my.Rex"), doctest::Contains("not supported yet: this schedule is not built"),
                       Error);
  CHECK_THROWS_WITH_AS(schedule_named("cosin"), doctest::Contains("is no choice; the nearest is \"cosine\""), Error);
  check_refused("my_schedules.CosineAnnealing", {}, "is not built; the nearest is \"CosineAnnealingLR\"");
  check_refused("transformers.optimization.AdafactorSchedule", {}, "--lr_scheduler adafactor");
}
