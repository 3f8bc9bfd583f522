#include "backend/cpu/passes/conv_algorithm.h"
#include "backend/cpu/passes/weight_forms.h"

#include <map>
#include <mutex>
#include <tuple>

#include "backend/cpu/device_model.h"
#include "backend/cpu/kernel_context.h"
#include "backend/cpu/kernels/winograd/winograd.h"
#include "backend/cpu/processor.h"
#include "graph/ops/ops.h"
#include "graph/passes/compile.h"
#include "graph/passes/recompute.h"

namespace rankine::cpu {
namespace {

constexpr std::string_view kAlgorithm = "algorithm";

/// Winograd's algorithm was faster for every shape of SD 1.5 measured on AVX512-BF16 (1.3 to 2.0 times). With AMX,
/// products are so fast that moving its larger weights costs more than it saves (reasoned, not measured).
bool winograd_is_faster() { return instruction_set() < InstructionSet::amx_bf16; }

/// Few channels or few tiles leave too little work for its products.
bool winograd_is_worthwhile(const Node& node) {
  const Shape &w = node.input(1).shape(), &y = node.type().shape;
  const int64_t tiles = y[0] * ((y[1] + 1) / 2) * ((y[2] + 1) / 2);
  return winograd_is_faster() && w[0] >= 64 && w[1] >= 64 && tiles >= 16;
}

/// True if its products are fast here. oneDNN is asked about each size once: graphs are built many times.
bool has_fast_products(int64_t channels_in, int64_t channels_out, DType dtype) {
  static std::mutex mutex;
  static std::map<std::tuple<int64_t, int64_t, DType>, bool> answers;
  const std::lock_guard lock(mutex);
  const auto [known, added] = answers.try_emplace({channels_in, channels_out, dtype});
  if (added) known->second = winograd_supported(cpu_engine(), channels_in, channels_out, dtype);
  return known->second;
}

/// Its weights are transformed once, so they must be a packed constant; the geometry must be F(2x2, 3x3)'s.
bool winograd_is_possible(const Node& node) {
  const Node& weight = storage_of(node.input(1).node());
  const Shape& w = node.input(1).shape();
  const Conv2dGeometry g = Conv2dGeometry::of(node.attributes());
  const DType dtype = is_promoted(node) ? DType::f32 : node.input(1).dtype();
  return &weight.op() == &constant_op && may_be_packed(weight) && w[2] == 3 && w[3] == 3 && g.stride == 1 &&
         g.top == 1 && g.left == 1 && g.bottom == 1 && g.right == 1 && has_fast_products(w[1], w[0], dtype);
}

}  // namespace

void choose_conv_algorithm(Graph& graph, const Target& target) {
  if (target.conv_algorithm == "direct") return;
  for (Node& node : graph.nodes()) {
    if (&node.op() != &conv2d_op && &node.op() != &conv2d_grad_x_op) continue;
    const auto form = target.memory.weight_forms.find(storage_of(node.input(1).node()).scope());
    if (form != target.memory.weight_forms.end() && form->second == "direct") continue;
    const bool wanted = target.conv_algorithm == "winograd" || winograd_is_worthwhile(node);
    if (wanted && winograd_is_possible(node)) node.set_attribute(kAlgorithm, std::string("winograd"));
  }
}

bool uses_winograd(const Node& node) { return node.attributes().has(kAlgorithm); }

}  // namespace rankine::cpu
