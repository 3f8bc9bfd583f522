#include "step/fit_memory.h"

#include <algorithm>

#include "base/memory.h"
#include "graph/memory/plan.h"

namespace rankine {

std::map<std::string, DType, std::less<>> weights_in_file(ConstantSource& source, const Model& model) {
  std::map<std::string, DType, std::less<>> types;
  for (const NamedShape& tensor : model.tensors())
    if (const std::optional<StoredTensor> stored = source.stored(tensor.name))
      types.emplace(tensor.name, stored->dtype);
  return types;
}

MemoryChoice choose_step_memory(StepSettings& settings, const StepShape& largest, const DeviceModel& device,
                                size_t budget_bytes) {
  StepSettings tried = settings;
  tried.device = &device;
  tried.memory = {};
  Graph graph;
  build_step_graph(graph, tried, largest);
  const MemoryProblem problem = memory_problem(graph, device);
  const MemorySolver solver(problem);

  // The solver estimates activations: a recomputed block has inner values too. The memory plan of the chosen graph has
  // the exact bytes; the difference is added to the solver's next budget.
  const auto planned = [&](MemoryChoice choice) {
    tried.memory = choice;
    Graph chosen;
    build_step_graph(chosen, tried, largest);
    choice.activations = plan_memory(chosen).arena_bytes();
    return choice;
  };
  const size_t near_enough = budget_bytes / 200;
  const auto fits = [&](const MemoryChoice& choice) { return choice.bytes() <= budget_bytes; };
  MemoryChoice best = planned(solver.choose(budget_bytes)), last = best;
  size_t allowed = budget_bytes, fitting = 0, too_much = SIZE_MAX, least_less = near_enough;
  for (int i = 1; i < 10; ++i) {
    if (fits(last)) {
      if (last.recomputed.empty()) break;
      fitting = allowed;
      allowed += budget_bytes - last.bytes();
      if (allowed - fitting <= near_enough) break;
    } else {
      too_much = allowed;
      allowed -= std::min(allowed, std::max(last.bytes() - budget_bytes, least_less));
      least_less *= 2;
    }
    if (allowed >= too_much || allowed <= fitting) allowed = fitting + (too_much - fitting) / 2;
    if (allowed - fitting <= near_enough) break;
    last = planned(solver.choose(allowed));
    if (fits(last) ? !fits(best) || last.added_seconds < best.added_seconds
                   : last.bytes() < best.bytes() && !fits(best))
      best = last;
  }
  if (!fits(best)) {
    last = planned(solver.smallest());
    if (last.bytes() < best.bytes()) best = last;
  }
  settings.device = &device;
  settings.memory = best;
  return best;
}

size_t variable_bytes(const StepSettings& settings) {
  size_t count = 0;
  for (const AdaptedLayer& layer : settings.layers)
    count += static_cast<size_t>(parameter_count(*settings.adapter, layer)) * (settings.trains(layer) ? 4 : 1);
  return count * sizeof(float);
}

size_t fixed_bytes(const StepSettings& settings, const DeviceModel& device) {
  return device.memory().held + variable_bytes(settings) + device.program_bytes();
}

size_t memory_budget(const std::string& text, const DeviceModel& device) {
  const DeviceMemory memory = device.memory();
  return parse_memory(text, "--memory_budget", memory.held + memory.free / 10 * 9);
}

}  // namespace rankine
