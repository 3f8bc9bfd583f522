#include "backend/cpu/session.h"

#include <omp.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "backend/cpu/ops/op_kernels.h"
#include "base/timer.h"
#include "graph/ops/ops.h"
#include "graph/passes/recompute.h"

namespace rankine {
namespace {

using namespace cpu;

/// The parts that a session's programs share, in this order so that views into memory are destroyed before the memory.
struct Memory {
  explicit Memory(ConstantSource& source) : weights(source, device.engine) { device.threads = omp_get_max_threads(); }
  Device device;
  Arena arena, scratch;
  Variables variables;
  WeightStore weights;
};

/// True if a product reads its weight from the mapped file.
bool reads_file(const Node& product) {
  return storage_of(product.input(1).node()).attributes().has(Graph::keep_in_file);
}

class CpuExecutable : public Executable {
 public:
  CpuExecutable(Memory& memory, Graph& graph) : memory_(memory), graph_(graph), plan_(plan_memory(graph)) {
    memory_.arena.grow(plan_.arena_bytes());
    for (const Node& node : graph.nodes()) {
      const Kernel* kernel = find_kernel(node.op());
      check(kernel, "the CPU has no kernel for ", node.op().name);
      KernelContext context(node, plan_, memory_.device, memory_.weights, memory_.arena, memory_.scratch,
                            memory_.variables);
      if (kernel->is_product && (is_promoted(node) || reads_file(node))) context.stage_operands(is_promoted(node));
      Launch launch = context.wrap_with_casts(kernel->prepare(context));
      if (!launch) continue;
      launches_.push_back(std::move(launch));
      nodes_.push_back(&node);
    }
    memory_.weights.trim();
    for (const Value& input : graph.leaves(input_op))
      inputs_.emplace(input.node().scope(), Slot{memory_.arena.base() + plan_.at(input).offset, input.type()});
    for (const auto& [name, value] : graph.outputs()) outputs_.emplace(name, Slot{location(value), value.type()});
  }

  void set_input(std::string_view name, std::span<const float> values) override {
    copy_in(name, values.data(), values.size(), DType::f32);
  }
  void set_input(std::string_view name, std::span<const int32_t> values) override {
    copy_in(name, values.data(), values.size(), DType::i32);
  }
  void run() override {
    take_inputs();
    for (const Launch& launch : launches_) launch();
  }
  std::vector<NodeTime> profile() override {
    take_inputs();
    std::vector<NodeTime> times;
    for (size_t i = 0; i < launches_.size(); ++i) {
      const Timer timer;
      launches_[i]();
      times.push_back({nodes_[i], timer.seconds()});
    }
    return times;
  }
  std::optional<NonFiniteValue> find_nonfinite() override {
    take_inputs();
    std::set<Value> read;  // what nobody reads need not be written
    for (Node& node : graph_.nodes()) read.insert(node.inputs().begin(), node.inputs().end());
    for (const auto& [name, value] : graph_.outputs()) read.insert(value);
    const auto look = [&](Value value) -> std::optional<NonFiniteValue> {
      if (!read.contains(value)) return std::nullopt;
      const auto numbers = rankine::find_nonfinite(value.dtype(), location(value), value.type().count());
      return numbers ? std::optional(NonFiniteValue{value, *numbers}) : std::nullopt;
    };
    for (const Value& input : graph_.leaves(input_op))
      if (const auto found = look(input)) return found;
    for (size_t i = 0; i < launches_.size(); ++i) {
      launches_[i]();
      for (int k = 0; k < nodes_[i]->output_count(); ++k)
        if (const auto found = look({const_cast<Node*>(nodes_[i]), k})) {
          for (const Value& input : nodes_[i]->inputs())  // trained weights that were not finite before
            if (input && &input.node().op() == &variable_op && location(input) != location(found->value))
              if (const auto before = look(input)) return before;
          return found;
        }
    }
    return std::nullopt;
  }
  void get_output(std::string_view name, std::span<float> values) override {
    const Slot& slot = find(outputs_, name, "output");
    check(static_cast<int64_t>(values.size()) == slot.type.count() && slot.type.dtype == DType::f32, "output \"", name,
          "\" is ", slot.type, ", asked for as ", values.size(), " f32");
    std::memcpy(values.data(), slot.data, slot.type.bytes());
  }

 private:
  struct Slot {
    std::byte* data;
    Type type;
    bool given = false;  ///< an input: since the last run
  };
  using Slots = std::map<std::string, Slot, std::less<>>;

  std::byte* location(Value value) {
    const Place& place = plan_.at(value);
    if (place.kind == Place::Kind::variable)
      return reinterpret_cast<std::byte*>(memory_.variables.data(place.leaf->scope()));
    check(place.kind == Place::Kind::arena, "an output cannot be a constant");
    return memory_.arena.base() + place.offset;
  }
  static Slot& find(Slots& slots, std::string_view name, const char* kind) {
    const auto found = slots.find(name);
    check(found != slots.end(), "the program has no ", kind, " \"", name, "\"");
    return found->second;
  }
  void copy_in(std::string_view name, const void* values, size_t count, DType dtype) {
    Slot& slot = find(inputs_, name, "input");
    check(static_cast<int64_t>(count) == slot.type.count() && slot.type.dtype == dtype, "input \"", name, "\" is ",
          slot.type, ", given ", count, " ", dtype);
    std::memcpy(slot.data, values, slot.type.bytes());
    slot.given = true;
  }
  /// Inputs lie in the arena, where a run writes over them: one that was not given would be read as rubbish.
  void take_inputs() {
    for (const auto& [name, slot] : inputs_)
      check(slot.given, "the program's input \"", name, "\" was not set before this run");
    for (auto& [name, slot] : inputs_) slot.given = false;
  }

  Memory& memory_;
  Graph& graph_;
  MemoryPlan plan_;
  std::vector<Launch> launches_;
  std::vector<const Node*> nodes_;  // of each launch
  Slots inputs_, outputs_;
};

class CpuSession : public Session {
 public:
  explicit CpuSession(ConstantSource& constants) : memory_(constants) {}

  std::unique_ptr<Executable> compile(Graph& graph) override { return compiled(graph, /*temporary=*/false); }
  std::unique_ptr<Executable> compile_temporary(Graph& graph) override { return compiled(graph, /*temporary=*/true); }
  void write_variable(std::string_view name, std::span<const float> values) override {
    std::memcpy(memory_.variables.make(name, values.size()).data(), values.data(), values.size_bytes());
  }
  void read_variable(std::string_view name, std::span<float> values) override {
    const std::span<const float> stored = memory_.variables.at(name);
    check(stored.size() == values.size(), "variable \"", name, "\" has ", stored.size(), " elements, not ",
          values.size());
    std::memcpy(values.data(), stored.data(), values.size_bytes());
  }
  void declare_flat(std::string_view name, std::span<const FlatMember> members) override {
    memory_.variables.declare_flat(name, members);
  }
  std::vector<std::pair<std::string, int64_t>> variables() const override { return memory_.variables.list(); }
  MemoryUse memory() const override {
    return {memory_.weights.bytes(), memory_.variables.bytes(), memory_.arena.bytes(), memory_.scratch.bytes()};
  }
  void release_scratch() override {
    memory_.arena.release_scratch();
    memory_.scratch.release_scratch();
    memory_.weights.release_temporary();
  }
  void release_weights() override {
    memory_.weights.clear();
    memory_.arena.clear();
    memory_.scratch.clear();
  }

 private:
  std::unique_ptr<Executable> compiled(Graph& graph, bool temporary) {
    for (const Value& v : graph.leaves(variable_op)) {
      check(v.dtype() == DType::f32 || v.dtype() == DType::u8, "variable \"", v.node().scope(), "\" must be f32 or u8");
      memory_.variables.make(v.node().scope(), (v.type().bytes() + sizeof(float) - 1) / sizeof(float));
    }
    memory_.weights.prepare_for(temporary);
    return std::make_unique<CpuExecutable>(memory_, graph);
  }

  Memory memory_;
};

}  // namespace

std::unique_ptr<Session> open_cpu_session(ConstantSource& constants) { return std::make_unique<CpuSession>(constants); }

}  // namespace rankine
