#include "step/fit_memory.h"

#include <doctest/doctest.h>

#include "backend/registry.h"
#include "support/small_step.h"

using namespace rankine;
using namespace rankine::test;

namespace {

StepSettings settings_of(DType compute, const char* conv_algorithm) {
  StepSettings settings = small_settings();
  settings.compute = compute;
  settings.conv_algorithm = conv_algorithm;
  settings.device = &find_backend("cpu").device();
  return settings;
}

/// Bytes of frozen weights that a session holds for the step.
size_t held_bytes(const StepSettings& settings) {
  RandomConstants constants;
  const std::unique_ptr<Session> session = find_backend("cpu").open(constants);
  Graph graph;
  build_step_graph(graph, settings, kShape);
  const std::unique_ptr<Executable> executable = session->compile(graph);
  return session->memory().weights;
}

}  // namespace

TEST_CASE("the predicted bytes of frozen weights are those that the session holds, for every budget") {
  for (const DType compute : {DType::f32, DType::bf16, DType::f16})
    for (const char* algorithm : {"direct", "auto", "winograd"})
      for (const size_t budget : {SIZE_MAX, size_t{0}}) {
        if (compute == DType::f16 && std::string_view(algorithm) != "auto") continue;  // promoted: as f32
        CAPTURE(name_of(compute));
        CAPTURE(algorithm);
        CAPTURE(budget);
        StepSettings settings = settings_of(compute, algorithm);
        const MemoryChoice choice = choose_step_memory(settings, kShape, find_backend("cpu").device(), budget);
        const size_t held = held_bytes(settings);
        CHECK(choice.weights == held);
        Graph graph;
        build_step_graph(graph, settings, kShape);
        CHECK(weight_bytes(graph, *settings.device) == held);
      }
}
