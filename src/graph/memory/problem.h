#pragma once
#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/memory/device_model.h"

namespace rankine {

/// The outputs of one forward node, in execution order with all the others. They are kept for the backward pass, or
/// recomputed before it reads them.
struct ValueChoice {
  std::string value;   ///< see recomputable_values
  bool saved = false;  ///< whether the backward pass reads any
  size_t bytes = 0;    ///< of those that it reads; of all where it reads none
  /// True if they may be recomputed: nothing outside their block reads them in the forward pass.
  bool inner = false;
  int begin = 0;               ///< position behind their last reader in the forward pass
  int end = 0;                 ///< position of their first reader in the backward pass; INT_MAX: there is none
  double seconds = 0;          ///< of recomputing them
  std::vector<size_t> inputs;  ///< values that recomputing reads, as indices of choices; leaves are always there
};

/// A frozen weight that may be kept in a smaller form. A weight with several smaller forms has one entry per form,
/// each counted from the entry before it; the later entry saves fewer bytes per second than the earlier one.
struct WeightChoice {
  std::string name;
  size_t saved_bytes = 0;    ///< compared with the next larger form
  double seconds = 0;        ///< that each step takes longer, compared with the next larger form
  std::string form;          ///< WeightForm::name
  size_t working_bytes = 0;  ///< that kernels take to read this form
};

/// The memory of a compiled training graph, and what could be given up.
struct MemoryProblem {
  std::vector<size_t> live;     ///< bytes of activations alive at each position, with everything kept
  size_t first_form_bytes = 0;  ///< of all frozen weights in their first forms
  size_t working = 0;           ///< that kernels take while they run, the weights' own working_bytes aside
  std::vector<ValueChoice> values;
  std::vector<WeightChoice> weights;
};
/// Reads the problem off a graph that went through all passes with nothing given up.
MemoryProblem memory_problem(Graph& graph, const DeviceModel& device);

/// Bytes of the frozen weights of a compiled graph in the forms that its nodes read.
size_t weight_bytes(const Graph& graph, const DeviceModel& device);

}  // namespace rankine
