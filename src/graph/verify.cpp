#include "graph/verify.h"

#include <algorithm>
#include <unordered_set>

#include "graph/op.h"

namespace rankine {

void verify(Graph& graph, std::string_view pass) {
  std::unordered_set<const Node*> seen;
  for (Node& node : graph.nodes()) {
    const auto where = [&] {
      return concat_text("after pass ", pass, ": ", node.op().name, " \"", node.scope(), "\"");
    };
    for (const Value& input : node.inputs()) {
      if (!input) continue;
      if (!seen.contains(&input.node()))
        fail(where(), " reads ", input.node().op().name, " \"", input.node().scope(),
             "\", which comes later or is gone");
      const auto& users = input.node().users();
      if (std::find(users.begin(), users.end(), &node) == users.end()) fail(where(), " is not among its input's users");
    }
    const std::vector<Type> types = node.op().infer(node);
    for (int i = 0; i < node.output_count(); ++i)
      if (types[static_cast<size_t>(i)] != node.type(i))
        fail(where(), " is ", node.type(i), " but should be ", types[static_cast<size_t>(i)]);
    seen.insert(&node);
  }
  for (const auto& [name, value] : graph.outputs())
    if (!seen.contains(&value.node())) fail("after pass ", pass, ": output \"", name, "\" is gone");
}

}  // namespace rankine
