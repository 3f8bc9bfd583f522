// Whole runs without arithmetic: everything around the steps, with losses of 0 and weights that stay as they began.
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "backend/registry.h"
#include "support/small_run.h"

using namespace rankine;
using namespace rankine::test;
namespace fs = std::filesystem;

namespace {

struct NullRun : SmallRun {
  NullRun() {
    config.run.max_train_steps = 6;
    config.save.save_every_n_steps = 2;
    config.save.save_state = true;
  }
  /// With `stop_after` a Ctrl-C comes in that step. Gives what was said.
  std::string train(int64_t stop_after = 0) {
    Trigger buffer(concat_text("step ", stop_after, "/"), [&] {
      if (stop_after > 0) raise(SIGINT);
    });
    std::ostream out(&buffer);
    outcome = run(plan_run(config, null_backend()), out, {.line_seconds = 0});
    return buffer.str();
  }
  std::vector<std::string> files(const std::string& in) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder.path(in))) names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
  }

  TrainOutcome outcome;
};

}  // namespace

TEST_CASE("a run on the null backend makes every file and trains nothing") {
  NullRun run;
  run.config.data.defaults.dataset.validation_split = 0.2;
  run.config.preview.sample_every_n_epochs = 1;
  run.config.preview.sample_prompts = run.folder.text("prompts.txt", "a cat --w 64 --h 64 --s 2 --d 5\n");
  const std::string said = run.train();
  CHECK(contains(said, "validation loss 0"));
  CHECK(run.outcome.steps == 6);
  CHECK(run.outcome.loss == 0);
  CHECK(run.files("out") ==
        std::vector<std::string>{"cat-state", "cat-step00000002-state", "cat-step00000002.safetensors",
                                 "cat-step00000004-state", "cat-step00000004.safetensors", "cat-step00000006-state",
                                 "cat-step00000006.safetensors", "cat.metrics.jsonl", "cat.report.html",
                                 "cat.safetensors", "metrics.jsonl", "report.html", "sample"});
  CHECK(run.files("out/sample").size() == 3);
  CHECK(weights(run.folder.path("out/cat.safetensors")) ==
        weights(run.folder.path("out/cat-step00000002.safetensors")));
}

TEST_CASE("a run on the null backend that was stopped goes on after its last step") {
  NullRun run;
  CHECK(contains(run.train(3), "stopped after 3 of 6 steps"));
  CHECK(run.outcome.interrupted);
  CHECK(fs::exists(run.folder.path("out/cat.state")));
  CHECK(contains(run.train(), "going on after step 3"));
  CHECK(run.outcome.steps == 6);
  CHECK(!fs::exists(run.folder.path("out/cat.state")));
}
