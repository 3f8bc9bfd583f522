#pragma once
#include <functional>
#include <ostream>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace rankine {

/// What the passes are to make of a graph.
struct Target {
  /// Variables whose gradient of the output "loss" is wanted; none: nothing is differentiated.
  std::vector<Value> trained;
  /// Gradients are added to what "grad.NAME" holds while the input "keep" is 1, instead of replacing it.
  bool accumulate = false;
  /// Gradients, and their sums, are rounded to this. They are f32 in memory all the same.
  DType gradients = DType::f32;
  /// Of the recomputable_values (passes/recompute.h): what is computed again in the backward pass.
  std::function<bool(std::string_view value)> recomputed = [](std::string_view) { return false; };
  /// Frozen weights kept once and plain, instead of packed for each direction.
  std::function<bool(std::string_view constant)> kept_plain = [](std::string_view) { return false; };
  /// How 3x3 convolutions of stride 1 are computed: "direct", "winograd" (F(2x2, 3x3)) wherever it is possible, or
  /// "auto" where the device expects it to be faster.
  std::string conv_algorithm = "direct";
  /// Weights whose convolutions stay direct all the same.
  std::function<bool(std::string_view constant)> kept_direct = [](std::string_view) { return false; };
  /// The graph is printed here after every pass.
  std::ostream* dump = nullptr;
};

/// Runs every pass in order, verifying the graph after each: a broken graph names the pass that broke it.
void compile(Graph& graph, const Target& target);

/// x (f32) rounded to what `dtype` can hold; f32 still.
Value rounded_to(Value x, DType dtype);

/// The name under which the gradient of a variable is kept.
std::string gradient_name(std::string_view variable);

}  // namespace rankine
