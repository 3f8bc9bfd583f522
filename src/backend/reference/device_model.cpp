#include <algorithm>

#include "backend/reference/session.h"
#include "base/memory.h"
#include "graph/op.h"

namespace rankine {
namespace {

/// Every weight is read as it is stored.
class ReferenceDevice : public DeviceModel {
 public:
  bool has_kernel(const OpDef& op) const override { return op.reference != nullptr; }
  std::vector<WeightForm> forms(const Node&, const Value& weight) const override {
    return {{"plain", "plain", weight.type().bytes()}};
  }
  double seconds(const Node& node) const override {
    constexpr double kFlops = 1e9, kBytes = 1e9;  // per second; the order of magnitude of plain loops in double
    return node.op().view ? 0.0 : std::max(flops_of_node(node) / kFlops, bytes_of_node(node) / kBytes);
  }
  size_t working_bytes(const Node&) const override { return 0; }
  DeviceMemory memory() const override { return {available_bytes(), total_bytes(), resident_bytes()}; }
  size_t program_bytes() const override { return 0; }
  std::span<const Pass> passes() const override { return {}; }
};

}  // namespace

const DeviceModel& reference_device() {
  static const ReferenceDevice device;
  return device;
}

}  // namespace rankine
