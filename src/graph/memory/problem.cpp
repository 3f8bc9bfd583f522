#include "graph/memory/problem.h"

#include <algorithm>
#include <climits>
#include <cstdint>
#include <unordered_map>

#include "graph/memory/plan.h"
#include "graph/op.h"
#include "graph/ops/ops.h"
#include "graph/passes/recompute.h"

namespace rankine {
namespace {

bool is_product(const OpDef& op) {
  return &op == &linear_op || &op == &linear_grad_x_op || &op == &linear_grad_w_op || &op == &lora_linear_op ||
         &op == &lora_linear_grad_x_op || &op == &conv2d_op || &op == &conv2d_grad_x_op || &op == &conv2d_grad_w_op;
}

/// Measured on AVX512-BF16: a product whose weights are not packed takes that much longer; a convolution's kernels are
/// packed again before each run, read and written at about half of what plain copies reach.
constexpr double kPlainMatrixPenalty = 0.10, kRepackCost = 3.0;
/// The share of a direct convolution's time that Winograd's saves.
constexpr double kWinogradGain = 0.45;

/// What Winograd's convolutions take as working memory (two threads).
constexpr size_t kWinogradTiles = size_t{16} << 20;

/// What the forward nodes hold for the backward pass, and what computing it again takes.
void add_values(MemoryProblem& problem, Graph& graph, const DeviceRates& rates) {
  std::unordered_map<const Node*, int> position;
  for (const Node& node : graph.nodes()) position.emplace(&node, static_cast<int>(position.size()));
  const std::unordered_map<Node*, std::string> names = recomputable_values(graph);
  std::unordered_map<const Node*, size_t> index;
  for (Node& node : graph.nodes()) {
    if (node.backward() || is_leaf(node) || node.op().view || node.op().effect) continue;
    ValueChoice choice;
    choice.begin = position.at(&node) + 1;
    choice.end = INT_MAX;
    choice.seconds = estimated_seconds(node, rates);
    if (const auto name = names.find(&node); name != names.end()) {
      choice.value = name->second;
      choice.inner = true;
    }
    size_t saved_bytes = 0;
    for (int i = 0; i < node.output_count(); ++i) {
      bool saved = false;
      for (const Node* reader : readers_of(node.output(i))) {
        if (reader->backward()) {
          saved = true;
          choice.end = std::min(choice.end, position.at(reader));
        } else {
          choice.begin = std::max(choice.begin, position.at(reader) + 1);
        }
      }
      choice.saved = choice.saved || saved;
      choice.bytes += node.type(i).bytes();
      if (saved) saved_bytes += node.type(i).bytes();
    }
    if (choice.saved) choice.bytes = saved_bytes;
    for (const Value& input : node.inputs())
      if (input)
        if (const auto made = index.find(&storage_of(input.node())); made != index.end())
          choice.inputs.push_back(made->second);
    index.emplace(&node, problem.values.size());
    problem.values.push_back(std::move(choice));
  }
}

/// Bytes of an element of `dtype` in the forms that products read.
size_t packed_element(DType dtype, const DeviceRates& rates) {
  return dtype == DType::bf16 ? rates.packed_bf16_bytes : dtype == DType::f16 ? rates.packed_f16_bytes : size_of(dtype);
}

/// One copy of a weight for each direction that reads it, and what smaller forms would cost.
void add_weight(MemoryProblem& problem, const Value& constant, const DeviceRates& rates) {
  const size_t bytes = constant.type().bytes();
  if (constant.rank() < 2) {
    problem.packed_weights += bytes;
    return;
  }
  const std::string& name = constant.node().scope();
  const bool kernel = constant.rank() == 4 && constant.dim(2) > 1;
  const size_t packed = static_cast<size_t>(constant.type().count()) * packed_element(constant.dtype(), rates);
  size_t products = 0, winograd_directions = 0;
  double direct_seconds = 0, plain_seconds = 0;
  for (const Node* reader : readers_of(constant)) {
    if (!is_product(reader->op())) continue;
    ++products;
    const double seconds = estimated_seconds(*reader, rates);
    plain_seconds += kernel ? kRepackCost * static_cast<double>(packed) / rates.bytes : kPlainMatrixPenalty * seconds;
    const bool winograd = rates.winograd && kernel && reader->attributes().has("algorithm") &&
                          reader->attributes().integer("stride") == 1 && constant.dim(0) >= 64 && constant.dim(1) >= 64;
    if (!winograd) continue;
    ++winograd_directions;
    direct_seconds += kWinogradGain * seconds;
  }
  if (products == 0) {  // a table, read as it is
    problem.packed_weights += bytes;
    return;
  }
  const size_t winograd_excess = winograd_directions * packed * 7 / 9;  // 16 numbers where direct kernels have 9
  problem.packed_weights += products * packed + winograd_excess;
  // A plain kernel is packed before each run, a plain matrix only widened where it must be.
  const size_t working = kernel ? packed + packed / 9 : packed > bytes ? packed : 0;
  WeightChoice direct{name, winograd_excess, direct_seconds, WeightChoice::Form::direct};
  WeightChoice plain{name, products * packed - bytes, plain_seconds, WeightChoice::Form::plain, working};
  // Plain includes direct: where the second step is worth more than the first, they are one.
  if (direct.saved_bytes > 0 && plain.saved_bytes > 0 &&
      static_cast<double>(plain.saved_bytes) * direct.seconds >
          static_cast<double>(direct.saved_bytes) * plain.seconds) {
    plain.saved_bytes += direct.saved_bytes;
    plain.seconds += direct.seconds;
    direct.saved_bytes = 0;
  }
  if (direct.saved_bytes > 0) problem.weights.push_back(std::move(direct));
  if (plain.saved_bytes > 0) problem.weights.push_back(std::move(plain));
}

/// The f32 copies of activations that a product takes while it runs, where the device has none of their type.
size_t widened_bytes(const Node& node, const DeviceRates& rates) {
  if (!is_product(node.op())) return 0;
  size_t bytes = 0;
  const auto add = [&](const Type& type) {
    const size_t element = packed_element(type.dtype, rates);
    if (element > size_of(type.dtype)) bytes += static_cast<size_t>(type.count()) * element;
  };
  for (const Value& input : node.inputs())
    if (input && &storage_of(input.node()).op() != &constant_op) add(input.type());
  for (int i = 0; i < node.output_count(); ++i) add(node.type(i));
  return bytes;
}

}  // namespace

double estimated_seconds(const Node& node, const DeviceRates& rates) {
  const double flops = flops_of_node(node);
  const bool attention =
      &node.op() == &scaled_dot_product_attention_op || &node.op() == &scaled_dot_product_attention_grad_op;
  const double arithmetic = attention               ? flops / rates.attention_flops
                            : is_product(node.op()) ? flops / rates.product_flops
                                                    : 0.0;
  return node.op().view ? 0.0 : std::max(arithmetic, bytes_of_node(node) / rates.bytes);
}

MemoryProblem memory_problem(Graph& graph, const DeviceRates& rates) {
  MemoryProblem problem;
  problem.live = plan_memory(graph).live();
  for (const Node& node : graph.nodes())
    if (const size_t widened = widened_bytes(node, rates); widened > 0)
      problem.working = std::max(problem.working, widened + kWinogradTiles);
  add_values(problem, graph, rates);
  for (const Value& constant : graph.leaves(constant_op)) add_weight(problem, constant, rates);
  return problem;
}

}  // namespace rankine
