#include "optim/distance.h"

#include <algorithm>

namespace rankine {

AdaptedRate append_adapted_rate(Graph& graph, Value d, Value k, std::span<const UpdateInputs> parameters,
                                const AdaptedRateConfig& config) {
  std::vector<Value> inputs = {d, k};
  for (const UpdateInputs& in : parameters)
    if (std::find(inputs.begin() + 2, inputs.end(), in.lr) == inputs.end()) inputs.push_back(in.lr);
  const Value now = graph.add(adapted_rate_op, inputs,
                              {{"d0", config.d0},
                               {"use_bias_correction", int64_t{config.use_bias_correction}},
                               {"beta1", config.beta1},
                               {"beta2", config.beta2}});
  return {now, {&now.node(), 1}, {&now.node(), 2}};
}

}  // namespace rankine
