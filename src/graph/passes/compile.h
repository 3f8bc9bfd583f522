#pragma once
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "graph/memory/device_model.h"
#include "graph/memory/memory_choice.h"

namespace rankine {

// The output that is differentiated, and the inputs of its backward pass.
inline constexpr std::string_view kLoss = "loss";
inline constexpr std::string_view kLossScale = "loss_scale";  ///< f32 []: the gradient of the loss itself
inline constexpr std::string_view kKeep = "keep";             ///< f32 []: see Target::accumulate

/// The wishes that the passes follow.
struct Target {
  /// Variables that get a gradient of the output kLoss; with none, nothing is differentiated.
  std::vector<Value> trained;
  /// While the input kKeep is 1, gradients are added to the contents of "grad.NAME" instead of replacing them.
  bool accumulate = false;
  /// Gradients, and their sums, are rounded to this type. They stay f32 in memory.
  DType gradients = DType::f32;
  /// The values and weight forms that save memory.
  MemoryChoice memory;
  /// The constants that a mapped file holds as they are, with their types there.
  std::map<std::string, DType, std::less<>> in_file;
  /// Every block is recomputed, in addition to MemoryChoice::recomputed.
  bool recompute_all = false;
  /// The device that will run the graph: its own passes run last. Without one, only the general passes run.
  const DeviceModel* device = nullptr;
  /// The algorithm that is wanted for 3x3 convolutions of stride 1, in the device's words; "auto" leaves it to the
  /// device.
  std::string conv_algorithm = "direct";
  /// The graph is printed here after every pass.
  std::ostream* dump = nullptr;
};

/// Runs every pass in order and verifies the graph after each one: the error about a broken graph names the pass that
/// broke it.
void compile(Graph& graph, const Target& target);

/// x (f32) rounded to what `dtype` can hold; f32 still.
Value rounded_to(Value x, DType dtype);

/// The name under which the gradient of a variable is kept.
std::string gradient_name(std::string_view variable);

}  // namespace rankine
