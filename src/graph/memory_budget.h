#pragma once
#include <functional>
#include <set>
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

/// A block whose inner values may be computed again. Its values weigh on memory from position `begin` to `end` (in
/// execution order): after the block's forward pass, before its backward pass.
struct BlockChoice {
  std::string block;
  size_t bytes = 0;
  int begin = 0, end = 0;
  double seconds = 0;  ///< of computing them again
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
  /// of attention (measured; it hardly depends on sizes).
  size_t working = size_t{50} << 20;
  std::vector<BlockChoice> blocks;
  std::vector<WeightChoice> weights;
};
/// Reads it off a graph that went through all passes with nothing recomputed.
MemoryProblem memory_problem(Graph& graph, const DeviceRates& rates);

/// One way to live with less.
struct MemoryChoice {
  std::set<std::string, std::less<>> recomputed;     ///< blocks
  std::set<std::string, std::less<>> kept_direct;    ///< weights that are not transformed for Winograd
  std::set<std::string, std::less<>> kept_plain;     ///< weights
  size_t activations = 0, weights = 0, working = 0;  ///< bytes that are left
  double added_seconds = 0;                          ///< a step
  size_t bytes() const { return activations + weights + working; }
};

/// The choice of least added time whose activations, weights and working memory fit `budget_bytes`; the smallest there
/// is when nothing fits. This is the rematerialisation problem (Jain et al. 2019, arXiv:1910.02653) with the forms of
/// frozen weights added. Blocks' intervals are nested, so the peak falls fastest by the blocks that save most bytes a
/// second; taken greedily, with what turns out to be needless given back. Near-optimal: tests compare with all subsets.
MemoryChoice choose_memory(const MemoryProblem& problem, size_t budget_bytes);

}  // namespace rankine
