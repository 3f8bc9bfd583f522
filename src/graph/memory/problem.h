#pragma once
#include <string>
#include <vector>

#include "graph/graph.h"

namespace rankine {

/// How fast a device is, for comparing one way to save memory with another: only the ratios matter much.
struct DeviceRates {
  double product_flops = 0.8e12;    ///< convolutions and matrix products, per second
  double attention_flops = 0.6e12;  ///< per second
  double bytes = 20e9;              ///< everything else: bytes moved per second
  bool winograd = false;            ///< whether "auto" convolutions become Winograd's
  /// Of an element of a bf16 or f16 weight in the forms that products read: 4 where the device multiplies it as f32.
  size_t packed_bf16_bytes = 2, packed_f16_bytes = 2;
};
/// Estimated seconds of one node.
double estimated_seconds(const Node& node, const DeviceRates& rates);

/// The outputs of one forward node, in execution order with all the others: kept for the backward pass, or computed
/// again before it reads them.
struct ValueChoice {
  std::string value;   ///< see recomputable_values
  bool saved = false;  ///< whether the backward pass reads any
  size_t bytes = 0;    ///< of those that it reads; of all where it reads none
  /// Whether they may be computed again: nothing outside their block reads them in the forward pass.
  bool inner = false;
  int begin = 0;               ///< position behind their last reader in the forward pass
  int end = 0;                 ///< position of their first reader in the backward pass; INT_MAX: there is none
  double seconds = 0;          ///< of computing them again
  std::vector<size_t> inputs;  ///< what that reads, as indices of choices; leaves are always there
};

/// A frozen weight that may be kept in a smaller form: a convolution's direct kernels instead of Winograd's larger
/// ones, or any weight once and plain instead of packed for each direction.
struct WeightChoice {
  enum class Form { direct, plain };
  std::string name;
  size_t saved_bytes = 0;  ///< against the next larger form
  double seconds = 0;      ///< that each step takes longer
  Form form = Form::plain;
  size_t working_bytes = 0;  ///< that packing it again takes while it is used
};

/// What a compiled training graph holds, and what could be given up.
struct MemoryProblem {
  std::vector<size_t> live;   ///< bytes of activations alive at each position, with everything kept
  size_t packed_weights = 0;  ///< bytes of frozen weights, all packed
  /// What kernels take while they run, the weights' own working_bytes aside: the tiles of Winograd's convolutions and
  /// of attention (measured; it hardly depends on sizes), and f32 copies of what the device can multiply only as f32.
  size_t working = size_t{50} << 20;
  std::vector<ValueChoice> values;
  std::vector<WeightChoice> weights;
};
/// Reads it off a graph that went through all passes with nothing recomputed.
MemoryProblem memory_problem(Graph& graph, const DeviceRates& rates);

}  // namespace rankine
