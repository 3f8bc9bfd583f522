#include "backend/cpu/passes/weight_forms.h"

#include "backend/cpu/kernel_context.h"
#include "graph/ops/ops.h"
#include "graph/passes/compile.h"

namespace rankine::cpu {

void mark_plain_weights(Graph& graph, const Target& target) {
  for (const Value& constant : graph.leaves(constant_op)) {
    const auto form = target.memory.weight_forms.find(constant.node().scope());
    if (form != target.memory.weight_forms.end() && form->second == "plain")
      constant.node().set_attribute(Graph::keep_plain, int64_t{1});
  }
}

}  // namespace rankine::cpu
