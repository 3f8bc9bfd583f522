#include "graph/ops/ops.h"

namespace rankine {
namespace {

std::vector<Type> declared_type(const Node& n) {
  return {{n.attributes().integers("shape"), static_cast<DType>(n.attributes().integer("dtype"))}};
}

}  // namespace

constinit const OpDef input_op = {.name = "input", .infer = declared_type};
constinit const OpDef constant_op = {.name = "constant", .infer = declared_type};
constinit const OpDef variable_op = {.name = "variable", .infer = declared_type};

// assign(variable, value): after the run the variable holds the value. This is a copy, unless the memory plan computes
// the value in the variable's place.
constinit const OpDef assign_op = {
    .name = "assign",
    .infer = [](const Node& n) -> std::vector<Type> {
      check(&n.input(0).node().op() == &variable_op, "only a variable can be assigned to");
      check(n.input(0).type() == n.input(1).type(), "the variable is ", n.input(0).type(), ", the value ",
            n.input(1).type());
      return {n.input(0).type()};
    },
    .flops = [](const Node&) { return 0.0; },
    .reference = [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) { out[0] = in[1]; },
    .effect = true,
};

bool is_leaf(const Node& node) {
  return &node.op() == &input_op || &node.op() == &constant_op || &node.op() == &variable_op;
}

}  // namespace rankine
