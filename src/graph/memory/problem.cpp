#include "graph/memory/problem.h"

#include <algorithm>
#include <climits>
#include <cstdint>
#include <set>
#include <unordered_map>

#include "graph/memory/plan.h"
#include "graph/op.h"
#include "graph/ops/ops.h"
#include "graph/passes/recompute.h"

namespace rankine {
namespace {

/// The values that forward nodes hold for the backward pass, and the cost of recomputing them.
void add_values(MemoryProblem& problem, Graph& graph, const DeviceModel& device) {
  std::unordered_map<const Node*, int> position;
  for (const Node& node : graph.nodes()) position.emplace(&node, static_cast<int>(position.size()));
  const std::unordered_map<Node*, std::string> names = recomputable_values(graph);
  std::unordered_map<const Node*, size_t> index;
  for (Node& node : graph.nodes()) {
    if (node.backward() || is_leaf(node) || node.op().view || node.op().effect) continue;
    ValueChoice choice;
    choice.begin = position.at(&node) + 1;
    choice.end = INT_MAX;
    choice.seconds = device.seconds(node);
    if (const auto name = names.find(&node); name != names.end()) {
      choice.value = name->second;
      choice.inner = true;
    }
    size_t saved_bytes = 0;
    for (int i = 0; i < node.output_count(); ++i) {
      bool saved = false;
      for (const Node* reader : readers_of(node.output(i))) {
        if (reader->backward()) {
          saved = true;
          choice.end = std::min(choice.end, position.at(reader));
        } else {
          choice.begin = std::max(choice.begin, position.at(reader) + 1);
        }
      }
      choice.saved = choice.saved || saved;
      choice.bytes += node.type(i).bytes();
      if (saved) saved_bytes += node.type(i).bytes();
    }
    if (choice.saved) choice.bytes = saved_bytes;
    for (const Value& input : node.inputs())
      if (input)
        if (const auto made = index.find(&storage_of(input.node())); made != index.end())
          choice.inputs.push_back(made->second);
    index.emplace(&node, problem.values.size());
    problem.values.push_back(std::move(choice));
  }
}

/// A frozen weight with each of its readers in the form of one name: bytes of the copies, and the readers' added time.
struct Level {
  std::string form;
  size_t bytes = 0, working_bytes = 0;
  double seconds = 0;
};

/// `form`: empty for the first form of each reader.
Level level_of(const std::vector<std::vector<WeightForm>>& readers, const std::string& form) {
  Level level{form};
  std::set<std::string> copies;
  for (const std::vector<WeightForm>& forms : readers) {
    const auto named = std::ranges::find(forms, form, &WeightForm::name);
    const WeightForm& taken = named == forms.end() ? forms.front() : *named;
    if (copies.insert(taken.copy).second) level.bytes += taken.bytes;
    level.seconds += taken.added_seconds;
    level.working_bytes = std::max(level.working_bytes, taken.working_bytes);
  }
  return level;
}

std::vector<std::vector<WeightForm>> forms_of(const Value& constant, const DeviceModel& device) {
  std::vector<std::vector<WeightForm>> readers;
  for (const Node* reader : readers_of(constant)) readers.push_back(device.forms(*reader, constant));
  return readers;
}

/// The weight's first forms, and a choice for each smaller one that saves bytes.
void add_weight(MemoryProblem& problem, const Value& constant, const DeviceModel& device) {
  const std::vector<std::vector<WeightForm>> readers = forms_of(constant, device);
  std::vector<Level> levels = {level_of(readers, "")};
  problem.first_form_bytes += levels.front().bytes;
  std::set<std::string> seen;
  for (const std::vector<WeightForm>& forms : readers)
    for (size_t i = 1; i < forms.size(); ++i) {
      if (!seen.insert(forms[i].name).second) continue;
      Level level = level_of(readers, forms[i].name);
      // Each level must be worth more than the next one, so that the solver takes them in order; where the next one is
      // worth as much or more, they become one.
      const auto worth_less = [&](const Level& from, const Level& next) {
        return static_cast<double>(next.bytes - level.bytes) * (next.seconds - from.seconds) >=
               static_cast<double>(from.bytes - next.bytes) * (level.seconds - next.seconds);
      };
      if (level.bytes >= levels.back().bytes) continue;
      while (levels.size() > 1 && worth_less(levels[levels.size() - 2], levels.back())) levels.pop_back();
      levels.push_back(std::move(level));
    }
  for (size_t i = 1; i < levels.size(); ++i)
    problem.weights.push_back({constant.node().scope(), levels[i - 1].bytes - levels[i].bytes,
                               levels[i].seconds - levels[i - 1].seconds, levels[i].form, levels[i].working_bytes});
}

}  // namespace

MemoryProblem memory_problem(Graph& graph, const DeviceModel& device) {
  MemoryProblem problem;
  problem.live = plan_memory(graph).live();
  for (const Node& node : graph.nodes()) problem.working = std::max(problem.working, device.working_bytes(node));
  add_values(problem, graph, device);
  for (const Value& constant : graph.leaves(constant_op)) add_weight(problem, constant, device);
  return problem;
}

size_t weight_bytes(const Graph& graph, const DeviceModel& device) {
  size_t sum = 0;
  for (const Value& constant : graph.leaves(constant_op)) sum += level_of(forms_of(constant, device), "").bytes;
  return sum;
}

}  // namespace rankine
