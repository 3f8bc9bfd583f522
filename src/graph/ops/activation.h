#pragma once
#include "graph/op.h"
#include "graph/ops/elementwise.h"

namespace rankine {

/// y = f(x) for every element. `gradient` is the op of activation_gradient with f's slope.
template <double (*f)(double), const OpDef* gradient>
constexpr OpDef activation(std::string_view name) {
  return {
      .name = name,
      .infer = same_type,
      .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
        return {n.graph().add(*gradient, {n.input(0), dy[0]})};
      },
      .flops = [](const Node& n) { return 10.0 * static_cast<double>(n.type().count()); },  // exp or erf counted as 8
      .reference =
          [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
            for (int64_t i = 0; i < out[0].count(); ++i) out[0][i] = f(in[0][i]);
          },
      .in_place = {0, -1, -1},
  };
}

/// [x, dy] -> dx = slope(x) dy, for every element.
template <double (*slope)(double)>
constexpr OpDef activation_gradient(std::string_view name) {
  return {
      .name = name,
      .infer = same_type,
      .flops = [](const Node& n) { return 14.0 * static_cast<double>(n.type().count()); },
      .reference =
          [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
            for (int64_t i = 0; i < out[0].count(); ++i) out[0][i] = in[1][i] * slope(in[0][i]);
          },
      .in_place = {1, -1, -1},
  };
}

}  // namespace rankine
