#include "run/plan.h"

#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <map>

#include "backend/registry.h"
#include "support/training_run.h"

using namespace rankine;
using namespace rankine::test;
namespace fs = std::filesystem;

namespace {

RunPlan planned(const TrainConfig& config) { return plan_run(config, find_backend("cpu")); }

std::string fault(const TrainConfig& config) {
  return error_of([&] { planned(config); });
}

/// Every file below a folder with its time of writing.
std::map<std::string, fs::file_time_type> files_below(const std::string& folder) {
  std::map<std::string, fs::file_time_type> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    files[entry.path().string()] = entry.last_write_time();
  return files;
}

}  // namespace

TEST_CASE("a plan tells what its run does") {
  TrainingRun run;
  run.config.run.max_train_steps = 4;
  const RunPlan plan = planned(run.config);
  CHECK(plan.length.steps == 4);
  CHECK(plan.length.batches_per_epoch == 3);
  CHECK(plan.seed == 7);
  CHECK(plan.data.samples.size() == 5);
  CHECK(plan.shapes.size() == 3);  // two pictures of one shape, two and one of the other
  CHECK(plan.step.layers.size() > 100);
  CHECK(!plan.start.found);
}

TEST_CASE("planning writes nothing, neither where all is well nor where something is wrong") {
  TrainingRun run;
  run.config.tracker.logging_dir = run.folder.path("logs");
  const std::string root = run.folder.path("");
  const auto before = files_below(root);
  planned(run.config);
  CHECK(files_below(root) == before);
  run.folder.text("pics/1_cat/broken.png", "no picture");  // found last, after the checkpoint and the settings
  const auto with_broken = files_below(root);
  CHECK(contains(fault(run.config), "broken.png"));
  CHECK(files_below(root) == with_broken);
  CHECK(!fs::exists(run.out("")));
}

TEST_CASE("planning puts the state of another run aside only when the run begins") {
  TrainingRun run;
  run.config.run.max_train_steps = 6;
  {
    Trigger buffer("step 2/", [] { raise(SIGINT); });
    std::ostream out(&buffer);
    run.train(out);
  }
  REQUIRE(fs::exists(run.out("cat.state")));
  run.config.optim.learning_rate = 5e-4;
  run.config.given_flags["learning_rate"] = "5e-4";
  const RunPlan plan = planned(run.config);
  REQUIRE(plan.start.aside.has_value());
  CHECK(plan.start.aside->to == run.out("cat.state.old"));
  CHECK(fs::exists(run.out("cat.state")));
  CHECK(!fs::exists(run.out("cat.state.old")));
  run.train();
  CHECK(fs::exists(run.out("cat.state.old")));
}

TEST_CASE("a plan names a folder for results that cannot be made or written") {
  TrainingRun run;
  run.folder.text("file", "x");
  run.config.save.output_dir = run.folder.path("file/out");
  CHECK(contains(fault(run.config), "--output_dir " + run.folder.path("file/out") + ": the folder cannot be made"));
  run.config.save.output_dir = run.folder.path("out");
  run.config.tracker.logging_dir = run.folder.path("file");
  CHECK(contains(fault(run.config), "--logging_dir"));
  run.config.tracker.logging_dir.reset();
  fs::create_directories(run.out("cat.safetensors"));
  CHECK(contains(fault(run.config), "is a folder: choose another --output_name"));
}
