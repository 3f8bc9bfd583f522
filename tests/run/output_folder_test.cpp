// One folder for several LoRAs: each keeps its own metrics and report, and no two runs write the same file.
#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "support/training_run.h"
#include "watch/metrics_table.h"

using namespace rankine;
using namespace rankine::test;
namespace fs = std::filesystem;

namespace {

/// The run's configuration under another name in the same folder.
TrainConfig named(const TrainingRun& run, const char* name, int64_t steps) {
  TrainConfig config = run.config;
  config.save.output_name = name;
  config.run.max_train_steps = steps;
  return config;
}

void train(const TrainConfig& config) {
  std::ostringstream out;
  run_training(config, out, {.line_seconds = 0});
}

/// Runs `during` within step 2 of a run.
void train_with(const TrainConfig& config, const std::function<void()>& during) {
  Trigger buffer("step 2/", during);
  std::ostream out(&buffer);
  run_training(config, out, {.line_seconds = 0});
}

size_t steps_in(const std::string& metrics) { return read_metrics(metrics).rows(); }

}  // namespace

TEST_CASE("each LoRA of a folder has its own metrics and report, and the plain names lead to the latest run's") {
  const TrainingRun run;
  train(named(run, "cat", 3));
  const std::string cats = bytes_of(run.out("cat.metrics.jsonl")), page = bytes_of(run.out("cat.report.html"));
  CHECK(fs::read_symlink(run.out("metrics.jsonl")) == "cat.metrics.jsonl");
  train(named(run, "dog", 5));
  CHECK(bytes_of(run.out("cat.metrics.jsonl")) == cats);
  CHECK(bytes_of(run.out("cat.report.html")) == page);
  CHECK(steps_in(run.out("dog.metrics.jsonl")) == 5);
  CHECK(fs::read_symlink(run.out("metrics.jsonl")) == "dog.metrics.jsonl");
  CHECK(fs::read_symlink(run.out("report.html")) == "dog.report.html");
  CHECK(contains(bytes_of(run.out("report.html")), "dog.metrics.jsonl beside this file"));
}

TEST_CASE("two runs at once in one folder do what each does alone") {
  const TrainingRun alone, together;
  train(named(alone, "cat", 4));
  train(named(alone, "dog", 3));
  train_with(named(together, "cat", 4), [&] { train(named(together, "dog", 3)); });
  for (const auto& [name, steps] : {std::pair("cat", 4), std::pair("dog", 3)}) {
    CAPTURE(name);
    CHECK(weights(together.out(name + std::string(".safetensors"))) ==
          weights(alone.out(name + std::string(".safetensors"))));
    CHECK(steps_in(together.out(name + std::string(".metrics.jsonl"))) == static_cast<size_t>(steps));
    CHECK(contains(bytes_of(together.out(name + std::string(".report.html"))), "badge finished"));
  }
}

TEST_CASE("a second run of the same LoRA is refused while the first one lives, and changes nothing") {
  const TrainingRun alone, twice;
  train(named(alone, "cat", 4));
  std::string refusal;
  train_with(named(twice, "cat", 4), [&] { refusal = error_of([&] { train(named(twice, "cat", 4)); }); });
  CHECK(
      contains(refusal, concat_text("another run (process ", getpid(), ") is writing ", twice.out("cat.safetensors"))));
  CHECK(contains(refusal, "choose another --output_name"));
  CHECK(weights(twice.out("cat.safetensors")) == weights(alone.out("cat.safetensors")));
  CHECK(steps_in(twice.out("cat.metrics.jsonl")) == 4);
  CHECK(!fs::exists(twice.out(".cat.safetensors.lock")));
}

TEST_CASE("the file of a lock whose process was killed stops nobody") {
  const TrainingRun run;
  run.folder.text("out/.cat.safetensors.lock", "1");
  train(named(run, "cat", 1));
  CHECK(fs::exists(run.out("cat.safetensors")));
  CHECK(!fs::exists(run.out(".cat.safetensors.lock")));
}

TEST_CASE("the metrics of an earlier version are taken by the run that goes on, and else left alone") {
  const TrainingRun run;
  const TrainConfig config = named(run, "cat", 4);
  train_with(config, [] { raise(SIGINT); });
  fs::remove(run.out("metrics.jsonl"));
  SUBCASE("the same run goes on") {
    fs::rename(run.out("cat.metrics.jsonl"), run.out("metrics.jsonl"));
    train(config);
    CHECK(steps_in(run.out("cat.metrics.jsonl")) == 4);
    CHECK(fs::is_symlink(run.out("metrics.jsonl")));
  }
  SUBCASE("another run") {
    run.folder.text("out/metrics.jsonl", "{\"step\":1,\"loss\":0.5}\n");
    train(named(run, "dog", 2));
    CHECK(bytes_of(run.out("metrics.jsonl")) == "{\"step\":1,\"loss\":0.5}\n");
    CHECK(steps_in(run.out("dog.metrics.jsonl")) == 2);
  }
}
