// TensorBoard's files and report.html of a run.
#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <ostream>
#include <set>

#include "support/event_reader.h"
#include "support/training_run.h"
#include "watch/metrics_table.h"

using namespace rankine;
using namespace rankine::test;
namespace fs = std::filesystem;

TEST_CASE("TensorBoard's files and the report of a run that was stopped and continued tell every step once") {
  TrainingRun run;
  run.config.run.max_train_steps = 6;
  run.config.tracker = {.logging_dir = run.folder.path("logs"), .log_prefix = "cat_", .log_config = true};
  run.config.settings = {{"learning_rate", "1e-3"}};
  Trigger stop("step 4/", [] { raise(SIGINT); });
  std::ostream out(&stop);
  CHECK(run.train(out).interrupted);
  CHECK(contains(bytes_of(run.out("report.html")), "badge stopped"));
  run.train();

  std::set<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(run.folder.path("logs")))
    if (entry.is_regular_file()) files.insert(entry.path());
  REQUIRE(files.size() == 2);
  CHECK(files.begin()->parent_path() == files.rbegin()->parent_path());
  CHECK(files.begin()->parent_path().filename() == "network_train");
  std::map<int64_t, float> losses, epochs;
  for (const fs::path& file : files)
    for (const ReadEvent& event : read_events(bytes_of(file.string()))) {
      if (event.session_status == 1) CHECK(event.step == 5);
      if (event.texts.contains("settings")) CHECK(contains(event.texts.at("settings"), "| learning_rate | 1e-3 |"));
      if (event.scalars.contains("loss/epoch_average")) epochs[event.step] = event.scalars.at("loss/epoch_average");
      if (!event.scalars.contains("loss/current")) continue;
      CHECK(losses.emplace(event.step, event.scalars.at("loss/current")).second);
      for (const char* tag : {"loss/average", "lr/unet", "norm/grad_norm", "memory/resident_gib", "time/step_seconds"})
        CHECK(event.scalars.at(tag) > 0);
    }
  const MetricsTable metrics = read_metrics(run.out("metrics.jsonl"));
  REQUIRE(metrics.steps == std::vector<int64_t>{1, 2, 3, 4, 5, 6});
  REQUIRE(losses.size() == 6);
  for (size_t i = 0; i < 6; ++i) CHECK(losses[metrics.steps[i]] == static_cast<float>(metrics.column("loss")[i]));
  REQUIRE(epochs.size() == 2);
  CHECK(epochs[2] == static_cast<float>(metrics.column("loss_average")[5]));

  const std::string page = bytes_of(run.out("report.html"));
  CHECK(contains(page, "badge finished"));
  CHECK(contains(page, ">6</strong><small>of 6, epoch 2 of 2<"));
  CHECK(contains(page, "\"steps\":[1,2,3,4,5,6]"));
  CHECK(contains(page, "learning_rate"));
}

TEST_CASE("a report that cannot be written is said, and the run is the same without it") {
  TrainingRun run;
  run.config.save.save_every_n_steps = 2;
  fs::create_directories(run.out("cat.report.html/in the way"));
  std::ostringstream out;
  CHECK(run.train(out).steps == 3);
  CHECK(contains(out.str(), "the report cannot be written: " + run.out("cat.report.html")));
  CHECK(fs::exists(run.out("cat.safetensors")));
}
