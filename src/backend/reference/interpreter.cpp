#include "backend/reference/interpreter.h"

#include <unordered_map>

#include "graph/op.h"
#include "graph/ops/ops.h"

namespace rankine {

Interpreter::Interpreter(const Graph& graph, const LeafReader& leaf) { run(graph, leaf); }

Interpreter::Interpreter(const Graph& graph, const Feed& feed) {
  run(graph, [&](const std::string& name, const Type& type) {
    const auto found = feed.find(name);
    check(found != feed.end(), "no value for the leaf \"", name, "\" ", type);
    check(found->second.count() == type.count(), "the value for \"", name, "\" has shape ",
          as_text(found->second.shape()), ", the leaf is ", type);
    return HostTensor(type.shape, found->second.data());
  });
}

const HostTensor& Interpreter::output(std::string_view name) const {
  const auto found = outputs_.find(name);
  check(found != outputs_.end(), "the graph has no output \"", name, "\"");
  return found->second;
}

void Interpreter::run(const Graph& graph, const LeafReader& leaf) {
  struct Held {
    std::vector<HostTensor> tensors;
    size_t readers_left;
  };
  std::unordered_map<const Node*, Held> held;
  std::unordered_map<const Node*, std::vector<std::pair<std::string, int>>> wanted;
  for (const auto& [name, value] : graph.outputs()) wanted[&value.node()].emplace_back(name, value.index());

  for (const Node& node : graph.nodes()) {
    std::vector<HostTensor> out;
    if (is_leaf(node)) {
      out.push_back(leaf(node.scope(), node.type()));
    } else {
      std::vector<HostTensor> in;
      for (const Value& x : node.inputs())
        in.push_back(x ? held.at(&x.node()).tensors[static_cast<size_t>(x.index())] : HostTensor());
      for (int i = 0; i < node.output_count(); ++i) out.emplace_back(node.type(i).shape);
      node.op().reference(node, in, out);
      if (&node.op() == &assign_op) outputs_[node.input(0).node().scope()] = out[0];
      for (const Value& x : node.inputs())
        if (x && --held.at(&x.node()).readers_left == 0) held.erase(&x.node());
    }
    if (const auto names = wanted.find(&node); names != wanted.end())
      for (const auto& [name, index] : names->second) outputs_[name] = out[static_cast<size_t>(index)];
    if (!node.users().empty()) held.emplace(&node, Held{std::move(out), node.users().size()});
  }
}

}  // namespace rankine
