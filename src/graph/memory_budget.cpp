#include "graph/memory_budget.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <unordered_map>

#include "graph/op.h"
#include "graph/ops/ops.h"
#include "graph/passes/recompute.h"

namespace rankine {
namespace {

double bytes_moved(const Node& node) {
  double bytes = 0;
  for (const Value& input : node.inputs())
    if (input) bytes += static_cast<double>(input.type().bytes());
  for (int i = 0; i < node.output_count(); ++i) bytes += static_cast<double>(node.type(i).bytes());
  return bytes;
}

bool is_product(const OpDef& op) {
  return &op == &linear_op || &op == &linear_grad_x_op || &op == &linear_grad_w_op || &op == &lora_linear_op ||
         &op == &lora_linear_grad_x_op || &op == &conv2d_op || &op == &conv2d_grad_x_op || &op == &conv2d_grad_w_op;
}

/// Measured on AVX512-BF16: a product whose weights are not packed takes that much longer; a convolution's kernels are
/// packed again before each run, read and written at about half of what plain copies reach.
constexpr double kPlainMatrixPenalty = 0.10, kRepackCost = 3.0;
/// The share of a direct convolution's time that Winograd's saves.
constexpr double kWinogradGain = 0.45;

size_t peak_of(const std::vector<size_t>& live) {
  return live.empty() ? 0 : *std::max_element(live.begin(), live.end());
}

void subtract(std::vector<size_t>& live, const BlockChoice& block) {
  for (int p = block.begin; p < block.end; ++p) live[static_cast<size_t>(p)] -= block.bytes;
}
void restore(std::vector<size_t>& live, const BlockChoice& block) {
  for (int p = block.begin; p < block.end; ++p) live[static_cast<size_t>(p)] += block.bytes;
}

/// The block that lowers the peak most cheaply, among those alive there; none left: nullptr.
const BlockChoice* best_at_peak(const MemoryProblem& problem, const std::vector<size_t>& live,
                                const std::vector<bool>& taken, size_t* index) {
  const auto peak = static_cast<int>(std::max_element(live.begin(), live.end()) - live.begin());
  const BlockChoice* best = nullptr;
  for (size_t i = 0; i < problem.blocks.size(); ++i) {
    const BlockChoice& b = problem.blocks[i];
    if (taken[i] || b.begin > peak || peak >= b.end || b.bytes == 0) continue;
    if (!best || static_cast<double>(b.bytes) * best->seconds > static_cast<double>(best->bytes) * b.seconds) {
      best = &b;
      *index = i;
    }
  }
  return best;
}

/// Recomputation alone, step by step from nothing to everything that helps.
struct RecomputeStep {
  std::vector<bool> taken;
  size_t peak = 0;
  double seconds = 0;
};

std::vector<RecomputeStep> recompute_curve(const MemoryProblem& problem) {
  std::vector<size_t> live = problem.live;
  std::vector<RecomputeStep> curve = {{std::vector<bool>(problem.blocks.size()), peak_of(live), 0}};
  for (;;) {
    RecomputeStep next = curve.back();
    size_t index = 0;
    const BlockChoice* best = best_at_peak(problem, live, next.taken, &index);
    if (!best) return curve;
    next.taken[index] = true;
    subtract(live, *best);
    next.peak = peak_of(live);
    next.seconds += best->seconds;
    // Give back, dearest first, what the new choice made needless.
    std::vector<size_t> order;
    for (size_t i = 0; i < next.taken.size(); ++i)
      if (next.taken[i]) order.push_back(i);
    std::sort(order.begin(), order.end(),
              [&](size_t a, size_t b) { return problem.blocks[a].seconds > problem.blocks[b].seconds; });
    for (const size_t i : order) {
      restore(live, problem.blocks[i]);
      if (i != index && peak_of(live) <= next.peak) {
        next.taken[i] = false;
        next.seconds -= problem.blocks[i].seconds;
      } else {
        subtract(live, problem.blocks[i]);
      }
    }
    curve.push_back(std::move(next));
  }
}

/// Readers of a value, seen through views.
std::vector<const Node*> readers_of(const Value& value) {
  std::vector<const Node*> readers;
  for (Node* user : value.node().users()) {
    if (user->op().view) {
      const std::vector<const Node*> behind = readers_of(user->output());
      readers.insert(readers.end(), behind.begin(), behind.end());
    } else {
      readers.push_back(user);
    }
  }
  return readers;
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
  const size_t element = constant.dtype() == DType::bf16  ? rates.packed_bf16_bytes
                         : constant.dtype() == DType::f16 ? rates.packed_f16_bytes
                                                          : size_of(constant.dtype());
  const size_t packed = static_cast<size_t>(constant.type().count()) * element;
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

}  // namespace

double estimated_seconds(const Node& node, const DeviceRates& rates) {
  const double flops = node.op().flops ? node.op().flops(node) : static_cast<double>(node.type().count());
  const bool attention =
      &node.op() == &scaled_dot_product_attention_op || &node.op() == &scaled_dot_product_attention_grad_op;
  const double arithmetic = attention               ? flops / rates.attention_flops
                            : is_product(node.op()) ? flops / rates.product_flops
                                                    : 0.0;
  return node.op().view ? 0.0 : std::max(arithmetic, bytes_moved(node) / rates.bytes);
}

MemoryProblem memory_problem(Graph& graph, const DeviceRates& rates) {
  MemoryProblem problem;
  std::unordered_map<const Node*, int> position;
  for (const Node& node : graph.nodes()) position.emplace(&node, static_cast<int>(position.size()));
  const auto count = static_cast<int>(position.size());
  problem.live.assign(static_cast<size_t>(count), 0);

  // Lifetimes, views counted with what they show; leaves outside the arena do not count.
  std::unordered_map<const Node*, int> last_read;  // of the storage behind a node's outputs
  const auto storage = [](const Node* node) {
    while (node->op().view) node = &node->input(0).node();
    return node;
  };
  for (const Node& node : graph.nodes())
    for (const Value& input : node.inputs())
      if (input) {
        int& last = last_read[storage(&input.node())];
        last = std::max(last, position.at(&node));
      }
  for (const auto& [name, value] : graph.outputs()) last_read[storage(&value.node())] = count - 1;

  std::unordered_map<std::string_view, BlockChoice> blocks;
  for (Node& node : graph.nodes()) {
    if (node.op().view || node.op().effect || &node.op() == &constant_op || &node.op() == &variable_op) continue;
    const int first = position.at(&node), last = std::max(first, last_read[&node]);
    size_t bytes = 0;
    for (int i = 0; i < node.output_count(); ++i) bytes += node.type(i).bytes();
    for (int p = first; p <= last; ++p) problem.live[static_cast<size_t>(p)] += bytes;
  }

  // Blocks: what their backward nodes read of their inside, and what computing that again would take.
  std::unordered_map<std::string_view, std::vector<Node*>> members;
  for (Node& node : graph.nodes())
    if (!node.backward() && !is_leaf(node) && !node.op().effect)
      if (const std::string_view block = block_of(node.scope()); !block.empty()) members[block].push_back(&node);
  for (auto& [name, nodes] : members) {
    BlockChoice choice{std::string(name), 0, 0, count, 0};
    for (Node* node : nodes) {
      choice.begin = std::max(choice.begin, position.at(node) + 1);
      bool inner = true, saved = false;
      for (const Node* user : node->users()) {
        if (user->backward()) {
          saved = true;
          choice.end = std::min(choice.end, position.at(user));
        } else {
          inner = inner && block_of(user->scope()) == name;
        }
      }
      if (inner) choice.seconds += estimated_seconds(*node, rates);
      if (inner && saved && !node->op().view)
        for (int i = 0; i < node->output_count(); ++i) choice.bytes += node->type(i).bytes();
      // A view read by the backward pass keeps what it shows.
      if (inner && saved && node->op().view) {
        const Node* shown = storage(node);
        if (!is_leaf(*shown) && block_of(shown->scope()) == name) choice.bytes += node->type().bytes();
      }
    }
    if (choice.bytes > 0 && choice.begin < choice.end) problem.blocks.push_back(std::move(choice));
  }
  std::sort(problem.blocks.begin(), problem.blocks.end(),
            [](const BlockChoice& a, const BlockChoice& b) { return a.begin < b.begin; });

  for (const Value& constant : graph.leaves(constant_op)) add_weight(problem, constant, rates);
  return problem;
}

MemoryChoice choose_memory(const MemoryProblem& problem, size_t budget_bytes) {
  budget_bytes = std::min(budget_bytes, SIZE_MAX / 2);  // sums with it stay in range
  std::vector<size_t> by_worth(problem.weights.size());
  std::iota(by_worth.begin(), by_worth.end(), size_t{0});
  std::sort(by_worth.begin(), by_worth.end(), [&](size_t a, size_t b) {
    const WeightChoice &x = problem.weights[a], &y = problem.weights[b];
    return static_cast<double>(x.saved_bytes) * y.seconds > static_cast<double>(y.saved_bytes) * x.seconds;
  });
  // What the first k weights save, and the working memory and time they take.
  std::vector<size_t> saved = {0}, working = {problem.working};
  std::vector<double> seconds = {0};
  for (const size_t i : by_worth) {
    saved.push_back(saved.back() + problem.weights[i].saved_bytes);
    working.push_back(std::max(working.back(), problem.weights[i].working_bytes));
    seconds.push_back(seconds.back() + problem.weights[i].seconds);
  }

  const std::vector<RecomputeStep> curve = recompute_curve(problem);
  const RecomputeStep* best_step = nullptr;
  size_t best_plain = 0;
  double best_seconds = 0;
  for (const RecomputeStep& step : curve) {
    const size_t held = step.peak + problem.packed_weights;
    size_t plain = 0;
    while (plain < saved.size() && held + working[plain] > budget_bytes + saved[plain]) ++plain;
    if (plain == saved.size()) continue;
    if (!best_step || step.seconds + seconds[plain] < best_seconds) {
      best_step = &step;
      best_plain = plain;
      best_seconds = step.seconds + seconds[plain];
    }
  }
  if (!best_step) {  // nothing fits: as small as can be
    best_step = &*std::min_element(curve.begin(), curve.end(),
                                   [](const RecomputeStep& a, const RecomputeStep& b) { return a.peak < b.peak; });
    best_plain = problem.weights.size();
    best_seconds = best_step->seconds + seconds.back();
  }

  MemoryChoice choice;
  for (size_t i = 0; i < problem.blocks.size(); ++i)
    if (best_step->taken[i]) choice.recomputed.insert(problem.blocks[i].block);
  for (size_t k = 0; k < best_plain; ++k) {
    const WeightChoice& weight = problem.weights[by_worth[k]];
    (weight.form == WeightChoice::Form::plain ? choice.kept_plain : choice.kept_direct).insert(weight.name);
  }
  choice.activations = best_step->peak;
  choice.weights = problem.packed_weights - saved[best_plain];
  choice.working = working[best_plain];
  choice.added_seconds = best_seconds;
  return choice;
}

}  // namespace rankine
