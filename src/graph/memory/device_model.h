#pragma once
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace rankine {

struct Target;

/// A form in which a device can keep a frozen weight for one node that reads it.
struct WeightForm {
  std::string name;          ///< the device's own word, as MemoryChoice::weight_forms takes it
  std::string copy;          ///< copies of a weight with equal names are one copy, whichever nodes read them
  size_t bytes = 0;          ///< of the copy
  double added_seconds = 0;  ///< time that the node takes beyond its time with the first form
  size_t working_bytes = 0;  ///< that the node takes while it runs to read this form
};

/// Memory of a device in bytes.
struct DeviceMemory {
  size_t free = 0;   ///< that the device can still give, without swapping
  size_t total = 0;  ///< of the device
  size_t held = 0;   ///< by this process
};

/// One step of graph compilation (passes/compile.h).
struct Pass {
  const char* name;
  void (*run)(Graph& graph, const Target& target);
};

/// Facts of a device for everything that decides before it computes: the memory solver, the passes, the prediction of
/// a run. It asks for no weights and compiles no kernels.
class DeviceModel {
 public:
  virtual ~DeviceModel() = default;
  /// True if the device has a kernel for this op.
  virtual bool has_kernel(const OpDef& op) const = 0;
  /// The forms in which the constant `weight` can be kept for `node`, which reads it directly or through views. The
  /// first is the one that the node reads as its attributes stand; each further one is smaller and slower.
  virtual std::vector<WeightForm> forms(const Node& node, const Value& weight) const = 0;
  /// Estimated seconds of one run of `node` with the first form of its weights. Only ratios matter much.
  virtual double seconds(const Node& node) const = 0;
  /// Upper bound of the memory that kernels take while `node` runs, the WeightForm::working_bytes aside.
  virtual size_t working_bytes(const Node& node) const = 0;
  /// The memory of the device now.
  virtual DeviceMemory memory() const = 0;
  /// Upper bound of the bytes that compiled programs take beside weights, variables, activations and working memory.
  virtual size_t program_bytes() const = 0;
  /// Upper bound of the address space that the generated code of one step's shape takes, most of it without memory
  /// behind it. It matters where a process may not have much (ulimit -v).
  virtual size_t code_address_bytes() const { return 0; }
  /// Passes of this device, in order. They run behind all others.
  virtual std::span<const Pass> passes() const = 0;
};

}  // namespace rankine
