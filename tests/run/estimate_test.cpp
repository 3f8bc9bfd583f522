// What a plan is estimated to hold, against what its run really holds when the first step begins.
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
