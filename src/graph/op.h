#pragma once
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "graph/host_tensor.h"

namespace rankine {

/// The engine's whole knowledge of an op. A node's identity is the address of its OpDef: there is no enum to extend.
struct OpDef {
  std::string_view name;
  /// Computes the types of the outputs. Throws Error if inputs and attributes do not fit.
  std::vector<Type> (*infer)(const Node&) = nullptr;
  /// Builds the gradient of every input; {} where none flows. `dy` has one entry per output; an entry is {} if nobody
  /// reads that gradient. Null for ops that are never differentiated (gradients, optimiser updates).
  std::vector<Value> (*grad)(const Node&, std::span<const Value> dy) = nullptr;
  /// Floating-point operations; the bytes moved follow from the types. Null counts one per output element.
  double (*flops)(const Node&) = nullptr;
  /// The op's meaning: plain loops in double. A missing optional input is an empty tensor.
  void (*reference)(const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) = nullptr;
  /// Appends simpler ops that compute the same outputs and returns those outputs in order. Null for elementary ops. A
  /// device without a kernel for the op runs these instead (passes/lower_ops.h).
  std::vector<Value> (*decompose)(const Node&) = nullptr;
  /// in_place[k] = i: output k may overwrite input i, because after writing element e of the output no kernel reads
  /// element e of that input again. -1: never.
  std::array<int, 3> in_place = {-1, -1, -1};
  /// True if output 0 is input 0's bytes with another shape: no kernel runs.
  bool view = false;
  /// True if the node stays even though nobody reads its output.
  bool effect = false;
};

/// The cost of a node: floating-point operations, and bytes of operands and results.
inline double flops_of_node(const Node& node) {
  return node.op().flops ? node.op().flops(node) : static_cast<double>(node.type().count());
}
inline double bytes_of_node(const Node& node) {
  double bytes = 0;
  for (const Value& input : node.inputs())
    if (input) bytes += static_cast<double>(input.type().bytes());
  for (int i = 0; i < node.output_count(); ++i) bytes += static_cast<double>(node.type(i).bytes());
  return bytes;
}

}  // namespace rankine
