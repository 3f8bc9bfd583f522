#pragma once
#include "graph/op.h"

namespace rankine {

/// Shape rule for ops whose inputs and output have one type.
inline std::vector<Type> same_type(const Node& n) {
  for (const Value& x : n.inputs())
    check(x.type() == n.input(0).type(), "inputs of one type are expected, got ", n.input(0).type(), " and ", x.type());
  return {n.input(0).type()};
}

}  // namespace rankine
