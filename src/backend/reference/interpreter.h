#pragma once
#include <functional>
#include <map>
#include <string>

#include "graph/graph.h"
#include "graph/host_tensor.h"

namespace rankine {

/// Values of a graph's leaves by name.
using Feed = std::map<std::string, HostTensor, std::less<>>;

/// Runs a graph with each op's reference loops in double precision: slow and plain, the measure for every device.
/// Element types are ignored. `leaf` returns the leaves (by name and type).
class Interpreter {
 public:
  using LeafReader = std::function<HostTensor(const std::string& name, const Type& type)>;
  Interpreter(const Graph& graph, const LeafReader& leaf);
  Interpreter(const Graph& graph, const Feed& feed);

  /// Values by output name; values given to `assign` under the variable's name.
  const std::map<std::string, HostTensor, std::less<>>& outputs() const { return outputs_; }
  const HostTensor& output(std::string_view name) const;

 private:
  void run(const Graph& graph, const LeafReader& leaf);
  std::map<std::string, HostTensor, std::less<>> outputs_;
};

}  // namespace rankine
