// The bytes that the null backend counts, against those that the processor's session holds for the same step.
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
  struct Case {
    const char* optimizer;
    DType compute;
    bool recompute;
  };
  for (const Case& c :
       {Case{"AdamW", DType::f32, false}, {"AdamW8bit", DType::bf16, true}, {"Adafactor", DType::f32, true}}) {
    CAPTURE(c.optimizer);
    StepSettings settings = small_settings();
    settings.compute = c.compute;
    settings.gradient_checkpointing = c.recompute;
    const MemoryUse counted = memory_on(null_backend(), settings, c.optimizer);
    const MemoryUse held = memory_on(find_backend("cpu"), settings, c.optimizer);
    CHECK(counted.arena == held.arena);
    CHECK(counted.variables == held.variables);
  }
}
