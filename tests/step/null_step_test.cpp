// What the null backend counts, against what the processor's session holds for the same step.
#include <doctest/doctest.h>

#include "backend/registry.h"
#include "optim/optimizer.h"
#include "support/no_constants.h"
#include "support/small_step.h"

using namespace rankine;
using namespace rankine::test;

namespace {

MemoryUse memory_on(const Backend& backend, const StepSettings& settings, const std::string& optimizer_type) {
  RandomConstants weights;
  NoConstants none;
  const std::unique_ptr<Optimizer> optimizer = make_optimizer(optimizer_type, {});
  const bool counts = &backend == &null_backend();
  TrainingStep step(backend, counts ? static_cast<ConstantSource&>(none) : weights, settings, *optimizer, {});
  StepShape smaller = kShape;
  smaller.batch = 1;
  step.prepare(smaller);
  step.prepare(kShape);
  return step.memory();
}

}  // namespace

TEST_CASE("the null backend counts the arena and the variables of a step to the byte, without reading a weight") {
  StepSettings settings = small_settings();
  for (const char* optimizer : {"AdamW", "AdamW8bit", "Adafactor", "Prodigy"})
    for (const DType compute : {DType::f32, DType::bf16})
      for (const bool recompute : {false, true}) {
        CAPTURE(optimizer);
        CAPTURE(compute);
        CAPTURE(recompute);
        settings.compute = compute;
        settings.gradient_checkpointing = recompute;
        const MemoryUse counted = memory_on(null_backend(), settings, optimizer);
        const MemoryUse held = memory_on(find_backend("cpu"), settings, optimizer);
        MESSAGE(counted.weights, " ", held.weights, " ", counted.scratch, " ", held.scratch);
        CHECK(counted.arena == held.arena);
        CHECK(counted.variables == held.variables);
      }
}
