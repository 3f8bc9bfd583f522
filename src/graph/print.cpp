#include "graph/print.h"

#include <sstream>
#include <unordered_map>

#include "graph/op.h"
#include "graph/ops/ops.h"

namespace rankine {

void print(std::ostream& out, const Graph& graph) {
  std::unordered_map<const Node*, int> number;
  for (const Node& node : graph.nodes()) number.emplace(&node, static_cast<int>(number.size()));
  const auto name = [&](const Value& value) {
    if (!value) return std::string("none");
    std::string text = "%" + std::to_string(number.at(&value.node()));
    if (value.node().output_count() > 1) text += "." + std::to_string(value.index());
    return text;
  };
  for (const Node& node : graph.nodes()) {
    out << '%' << number.at(&node) << " = " << node.op().name << '(';
    const char* separator = "";
    for (const Value& input : node.inputs()) {
      out << separator << name(input);
      separator = ", ";
    }
    out << ')';
    if (!is_leaf(node) && !node.attributes().items().empty()) out << " {" << node.attributes() << '}';
    out << " : ";
    for (int i = 0; i < node.output_count(); ++i) out << (i ? ", " : "") << node.type(i);
    if (!node.scope().empty()) out << "  # " << node.scope();
    out << '\n';
  }
  for (const auto& [label, value] : graph.outputs()) out << "output " << label << " = " << name(value) << '\n';
}

std::string to_text(const Graph& graph) {
  std::ostringstream out;
  print(out, graph);
  return out.str();
}

}  // namespace rankine
