#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"

namespace rankine {

/// The place of a value while the program runs.
struct Place {
  enum class Kind { arena, variable, constant };
  Kind kind = Kind::arena;
  size_t offset = 0;      ///< in the arena, a multiple of 64
  const Node* leaf = {};  ///< the variable or constant
};

/// Fixed offsets in one arena: every value's place and the peak are known before the first run.
class MemoryPlan {
 public:
  const Place& at(Value value) const { return places_.at(&value.node())[static_cast<size_t>(value.index())]; }
  size_t arena_bytes() const { return arena_bytes_; }
  /// Bytes of the arena in use while each node runs, in execution order. No choice of offsets can beat their
  /// peak.
  const std::vector<size_t>& live() const { return live_; }
  /// True if the assigned value is computed in the variable's own place, so that nothing needs copying.
  bool assigned_in_place(const Node& assign) const { return at(assign.inputs()[1]).leaf == &assign.inputs()[0].node(); }

 private:
  friend MemoryPlan plan_memory(Graph& graph);
  std::unordered_map<const Node*, std::vector<Place>> places_;
  size_t arena_bytes_ = 0;
  std::vector<size_t> live_;
};

/// Chooses offsets for the graph's present order. Views share their input's place; an output takes the place of an
/// input that ends there if its op allows that; a value that is only assigned is computed in its variable. Values that
/// are never alive together may share bytes (best fit, largest first).
MemoryPlan plan_memory(Graph& graph);

}  // namespace rankine
