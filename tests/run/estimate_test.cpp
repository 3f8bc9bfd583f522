// The estimated bytes of a plan, against the bytes that its run holds when the first step begins.
#include "run/estimate.h"

#include <doctest/doctest.h>

#include "backend/registry.h"
#include "run/prepare.h"
#include "support/training_run.h"

using namespace rankine;
using namespace rankine::test;

namespace {

struct Compared {
  RunEstimate estimate;
  MemoryUse held;
  int64_t cached = 0;
};

Compared compare(const TrainConfig& config) {
  const RunPlan plan = plan_run(config, find_backend("cpu"));
  Compared both{.estimate = estimate_run(plan), .held = {}};
  std::ostringstream out;
  PreparedRun ready(plan, out);
  ready.finish(InterruptGuard(), out, {});
  both.held = ready.step().memory();
  if (ready.cache()) both.cached = ready.cache()->bytes();
  return both;
}

size_t variables(const EstimatedBytes& bytes) { return bytes.adapter + bytes.gradients + bytes.optimizer_state; }

}  // namespace

TEST_CASE("the estimate of a run's activations, trained tensors and latents is what the run holds, to the byte") {
  TrainingRun run;
  TrainConfig& c = run.config;
  SUBCASE("the U-Net in fp32") {}
  SUBCASE("with the text encoder, in bf16") {
    c.network.network_train_unet_only = false;
    c.step.mixed_precision = "bf16";
  }
  SUBCASE("mirrored pictures, checkpointing, an optimiser with a smaller state") {
    c.data.defaults.subset.flip_aug = true;
    c.step.gradient_checkpointing = true;
    c.optim.optimizer_type = "AdamW8bit";
  }
  SUBCASE("latents made anew each step") { c.data.cache_latents = false; }
  const Compared run_of = compare(c);
  const EstimatedBytes& bytes = run_of.estimate.bytes;
  CHECK(bytes.activations == run_of.held.arena);
  CHECK(variables(bytes) == run_of.held.variables);
  CHECK(static_cast<int64_t>(bytes.cached_latents) == run_of.cached);
  CHECK((bytes.encoder > 0) == !c.data.cache_latents);
}

TEST_CASE("the estimated seconds of a run grow with its steps") {
  TrainingRun run;
  const auto estimated = [&] { return estimate_run(plan_run(run.config, find_backend("cpu"))); };
  const RunEstimate three = estimated();
  CHECK(three.step_seconds > 0);
  CHECK(three.step_flops > 1e6);
  CHECK(three.encode_seconds > 0);
  CHECK(three.seconds > 3 * three.step_seconds);
  run.config.run.max_train_steps = 30;
  const RunEstimate thirty = estimated();
  CHECK(thirty.step_seconds == three.step_seconds);
  CHECK(thirty.seconds - three.seconds == doctest::Approx(27 * three.step_seconds));
}

TEST_CASE("the estimated seconds of a run count texts, validations, and pictures with their decoding") {
  TrainingRun run;
  TrainConfig& c = run.config;
  const auto estimated = [&] { return estimate_run(plan_run(c, find_backend("cpu"))); };
  const RunEstimate plain = estimated();
  CHECK(plain.text_seconds > 0);
  CHECK(plain.validation_seconds == 0);
  CHECK(plain.seconds ==
        doctest::Approx(3 * plain.step_seconds + plain.encode_seconds + plain.text_seconds + plain.preview_seconds));

  SUBCASE("a trained text encoder's time is the step's") {
    c.network.network_train_unet_only = false;
    CHECK(estimated().text_seconds == 0);
  }
  SUBCASE("captions that vary are read at each use") {
    c.data.defaults.subset.caption.shuffle = true;
    c.run.max_train_steps = 30;
    const double thirty = estimated().text_seconds;
    c.run.max_train_steps = 3;
    CHECK(thirty == doctest::Approx(10 * estimated().text_seconds));
  }
  SUBCASE("a validation every step takes three times that of one at the end") {
    c.data.defaults.dataset.validation_split = 0.5;
    c.data.defaults.dataset.validation_seed = 1;
    c.validation.validate_every_n_epochs = 1000;
    const double encoding = estimated().validation_seconds;
    CHECK(encoding > 0);
    c.validation.validate_every_n_steps = 3;
    const double once = estimated().validation_seconds - encoding;
    CHECK(once > 0);
    c.validation.validate_every_n_steps = 1;
    CHECK(estimated().validation_seconds - encoding == doctest::Approx(3 * once));
  }
}
