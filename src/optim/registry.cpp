#include <algorithm>

#include "optim/adafactor.h"
#include "optim/adamw.h"
#include "optim/dadapt.h"
#include "optim/eight_bit.h"
#include "optim/lion.h"
#include "optim/prodigy.h"
#include "optim/python_names.h"
#include "optim/schedule_free.h"
#include "optim/sgd.h"

namespace rankine {
namespace {

struct Entry {
  std::string_view name;  // as sd-scripts spells it
  std::unique_ptr<Optimizer> (*make)(std::span<const std::string> args);
};

// The one list of optimisers: make_optimizer and the choices of --optimizer_type read it.
constexpr Entry optimizers[] = {
    {"AdamW", make_adamw},
    {"AdamW8bit", make_adamw_8bit},
    {"PagedAdamW", make_paged_adamw},
    {"PagedAdamW8bit", make_paged_adamw_8bit},
    {"PagedAdamW32bit", make_paged_adamw_32bit},
    {"Lion", make_lion},
    {"Lion8bit", make_lion_8bit},
    {"PagedLion8bit", make_paged_lion_8bit},
    {"SGDNesterov", make_sgd_nesterov},
    {"SGDNesterov8bit", make_sgd_nesterov_8bit},
    {"DAdaptation", make_dadapt_adam_preprint},
    {"DAdaptAdamPreprint", make_dadapt_adam_preprint},
    {"DAdaptAdaGrad", make_dadapt_adagrad},
    {"DAdaptAdam", make_dadapt_adam},
    {"DAdaptAdan", make_dadapt_adan},
    {"DAdaptAdanIP", make_dadapt_adan_ip},
    {"DAdaptLion", make_dadapt_lion},
    {"DAdaptSGD", make_dadapt_sgd},
    {"Prodigy", make_prodigy},
    {"Adafactor", make_adafactor},
    {"RAdamScheduleFree", make_radam_schedule_free},
    {"AdamWScheduleFree", make_adamw_schedule_free},
    {"SGDScheduleFree", make_sgd_schedule_free},
};

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(const std::string& type, std::span<const std::string> args) {
  const std::string name = type.empty() ? "AdamW" : optimizer_named(type);
  return std::ranges::find(optimizers, name, &Entry::name)->make(args);
}

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const Entry& entry : optimizers) names.emplace_back(entry.name);
  return names;
}

std::string state_name(std::string_view state, Value weight) {
  return std::string(state) + "." + weight.node().scope();
}

Value state_variable(Graph& graph, std::string_view state, Value weight) {
  return graph.variable(state_name(state, weight), weight.type());
}

void ParameterOptimizer::append_updates(Graph& graph, std::span<const UpdateInputs> parameters) const {
  for (const UpdateInputs& in : parameters) {
    graph.set_scope(in.weight.node().scope());
    append_update(graph, in);
  }
  graph.set_scope("");
}

}  // namespace rankine
