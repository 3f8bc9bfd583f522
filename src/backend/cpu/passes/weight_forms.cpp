#include "backend/cpu/passes/weight_forms.h"

#include "graph/ops/ops.h"
#include "graph/passes/compile.h"

namespace rankine::cpu {

void mark_weight_forms(Graph& graph, const Target& target) {
  for (const Value& constant : graph.leaves(constant_op)) {
    Node& node = constant.node();
    const auto stored = target.in_file.find(node.scope());
    if (stored != target.in_file.end()) node.set_attribute(Graph::in_file, static_cast<int64_t>(stored->second));
    const auto form = target.memory.weight_forms.find(node.scope());
    if (form == target.memory.weight_forms.end()) continue;
    if (form->second == kPlainForm) node.set_attribute(Graph::keep_plain, int64_t{1});
    if (form->second == kMappedForm) node.set_attribute(Graph::keep_in_file, int64_t{1});
  }
}

bool may_be_packed(const Node& constant) {
  return !constant.attributes().has(Graph::keep_plain) && !constant.attributes().has(Graph::keep_in_file);
}

std::optional<DType> type_in_file(const Node& constant) {
  if (!constant.attributes().has(Graph::in_file)) return {};
  return static_cast<DType>(constant.attributes().integer(Graph::in_file));
}

}  // namespace rankine::cpu
