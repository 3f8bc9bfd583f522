#include "run/validation.h"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "support/small_run.h"

using namespace rankine;
using namespace rankine::test;
using json = nlohmann::json;

namespace {

/// The metrics of every step with a validation.
std::map<int, json> validations(const SmallRun& run) {
  std::map<int, json> found;
  std::ifstream in(run.folder.path("out/metrics.jsonl"));
  for (std::string line; std::getline(in, line);) {
    const json metrics = json::parse(line);
    if (metrics.contains("val_loss")) found[metrics["step"]] = metrics;
  }
  return found;
}

void start_over(const SmallRun& run) { std::filesystem::remove_all(run.folder.path("out")); }

std::set<int> steps(const std::map<int, json>& found) {
  std::set<int> all;
  for (const auto& [step, metrics] : found) all.insert(step);
  return all;
}

}  // namespace

TEST_CASE("validation happens at four timesteps between the least and the most") {
  CHECK(validation_timesteps({}, 1000) == std::vector<int64_t>{200, 400, 600, 800});
  CHECK(validation_timesteps({.min_timestep = 100, .max_timestep = 603}, 1000) ==
        std::vector<int64_t>{200, 301, 401, 502});
}

TEST_CASE("with pictures held out a run is bit for bit the run without them, however often it validates") {
  SmallRun run;
  SUBCASE("latents cached") {}
  SUBCASE("text encoder too, nothing cached, mirrored pictures, two batches a step") {
    run.config.network.network_train_unet_only = false;
    run.config.data.cache_latents = false;
    run.config.data.defaults.subset.flip_aug = true;
    run.config.run.gradient_accumulation_steps = 2;
  }
  SUBCASE("SDXL") { run.config.model.pretrained_model_name_or_path = tiny_checkpoint("tiny-sdxl"); }
  SUBCASE("an optimiser that trains other weights than it saves, in bf16") {
    run.config.optim.optimizer_type = "AdamWScheduleFree";
    run.config.step.mixed_precision = "bf16";
  }
  run.config.data.defaults.dataset.validation_split = 0.2;
  run.config.data.defaults.dataset.validation_seed = 0;  // the order for it is 2 1 0 4 | 3
  run.config.validation.validate_every_n_steps = 1;
  const auto with = run.trained();
  CHECK(validations(run).size() == 3);

  run.config.data.defaults.dataset.validation_split = 0;
  for (const char* suffix : {".png", ".txt"})
    std::filesystem::remove(run.folder.path(concat_text("pics/1_cat/3", suffix)));
  start_over(run);
  const auto without = run.trained();
  CHECK(validations(run).empty());
  CHECK(with == without);
}

TEST_CASE("every validation of the same weights gives the same loss, whatever the run's seed") {
  SmallRun run;
  run.config.optim.learning_rate = 1e-30;  // moves nothing
  run.config.data.defaults.dataset.validation_split = 0.4;
  run.config.data.defaults.subset.caption.shuffle = true;
  run.config.data.defaults.subset.caption.dropout_rate = 0.5;
  run.config.validation.validate_every_n_steps = 1;
  const TrainOutcome outcome = run.train();
  const auto first = validations(run);
  REQUIRE(first.size() == 3);
  REQUIRE(outcome.val_loss);
  CHECK(*outcome.val_loss == first.at(3)["val_loss"]);
  CHECK(first.at(1)["val_loss_at"].size() == 4);
  double sum = 0;
  for (const char* timestep : {"200", "400", "600", "800"}) sum += first.at(1)["val_loss_at"][timestep].get<double>();
  CHECK(sum / 4 == doctest::Approx(first.at(1)["val_loss"].get<double>()).epsilon(1e-12));

  start_over(run);
  run.config.run.seed = 8;
  run.train();
  const auto second = validations(run);
  for (const auto& [step, metrics] : first) {
    CHECK(metrics["val_loss"] == first.at(1)["val_loss"]);
    // lora_up is zero, so that another seed's lora_down changes nothing but the sign of zero.
    CHECK(second.at(step)["val_loss"] == metrics["val_loss"]);
  }
  start_over(run);
  run.config.data.defaults.dataset.validation_seed = 5;
  run.train();
  CHECK(validations(run).at(1)["val_loss"] != first.at(1)["val_loss"]);
}

TEST_CASE("validation comes at the ends of epochs, every N steps too, and at most so many batches of it") {
  SmallRun run;
  run.config.data.defaults.dataset.batch_size = 1;
  run.config.data.defaults.dataset.validation_split = 0.4;  // 3 trained, 2 held out
  run.config.run.max_train_steps = 7;
  run.train();
  CHECK(steps(validations(run)) == std::set{3, 6, 7});
  for (const auto& [step, metrics] : validations(run)) {
    // As sd-scripts' trackers call them.
    CHECK(metrics["values"]["loss/validation/epoch_average"] == metrics["val_loss"]);
    CHECK(metrics["values"]["loss/validation/epoch_divergence"].get<double>() ==
          doctest::Approx(metrics["val_loss"].get<double>() - metrics["loss_average"].get<double>()));
    CHECK(!metrics["values"].contains("loss/validation/step_average"));
  }
  const double both = validations(run).at(3)["val_loss"];
  start_over(run);
  run.config.validation.validate_every_n_steps = 2;
  run.config.validation.validate_every_n_epochs = 2;
  run.config.validation.max_validation_steps = 1;
  run.train();
  CHECK(steps(validations(run)) == std::set{2, 4, 6});
  CHECK(validations(run).at(2)["values"].contains("loss/validation/step_average"));
  CHECK(!validations(run).at(2)["values"].contains("loss/validation/epoch_average"));
  CHECK(validations(run).at(6)["values"].contains("loss/validation/step_average"));
  CHECK(validations(run).at(6)["values"].contains("loss/validation/epoch_average"));
  const std::string report = bytes_of(run.folder.path("out/report.html"));
  CHECK(report.find("validation after epochs") != std::string::npos);
  CHECK(validations(run).at(6)["val_loss"] != both);
}

TEST_CASE("training lowers the loss of what is held out, where that resembles what is trained on") {
  SmallRun run;
  for (int i = 0; i < 5; ++i) run.picture(concat_text("pics/1_cat/", i, ".png"), pattern(64, 64, 0));
  run.config.data.defaults.dataset.validation_split = 0.2;
  run.config.run.max_train_steps = 24;
  run.config.optim.learning_rate = 5e-3;
  run.train();
  const auto found = validations(run);
  CHECK(found.rbegin()->second["val_loss"].get<double>() < found.begin()->second["val_loss"].get<double>());
}
