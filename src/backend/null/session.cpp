#include "backend/null/session.h"

#include <algorithm>
#include <map>

#include "graph/memory/plan.h"
#include "graph/memory/problem.h"
#include "graph/ops/ops.h"

namespace rankine {
namespace {

constexpr size_t kPage = 4096;  // devices give memory in pages

struct Memory {
  explicit Memory(const DeviceModel& model) : device(model) {}
  const DeviceModel& device;
  MemoryUse use;
  std::map<std::string, int64_t, std::less<>> variables;           // floats of each
  std::map<std::string, std::vector<float>, std::less<>> written;  // the others are zeros
  /// Where a member of a flat variable lies in it.
  struct Part {
    std::string flat;
    int64_t offset, count;
  };
  std::map<std::string, Part, std::less<>> parts;
};

class NullExecutable : public Executable {
 public:
  NullExecutable(Memory& memory, Graph& graph) : memory_(memory), graph_(graph) {
    const size_t arena = plan_memory(graph).arena_bytes();
    MemoryUse& use = memory.use;
    use.arena = std::max(use.arena, (arena + kPage - 1) / kPage * kPage);
    use.weights = std::max(use.weights, weight_bytes(graph, memory.device));
    for (const Node& node : graph.nodes()) use.scratch = std::max(use.scratch, memory.device.working_bytes(node));
    for (const Value& input : graph.leaves(input_op)) inputs_.emplace(input.node().scope(), Input{input.type()});
  }

  void set_input(std::string_view name, std::span<const float> values) override {
    take(name, values.size(), DType::f32);
  }
  void set_input(std::string_view name, std::span<const int32_t> values) override {
    take(name, values.size(), DType::i32);
  }
  void run() override {
    for (const auto& [name, input] : inputs_)
      check(input.given, "the program's input \"", name, "\" was not set before this run");
    for (auto& [name, input] : inputs_) input.given = false;
  }
  std::vector<NodeTime> profile() override {
    run();
    std::vector<NodeTime> times;
    for (const Node& node : graph_.nodes()) times.push_back({&node, memory_.device.seconds(node)});
    return times;
  }
  std::optional<NonFiniteValue> find_nonfinite() override {
    run();
    return std::nullopt;
  }
  void get_output(std::string_view name, std::span<float> values) override {
    const auto output = graph_.outputs().find(std::string(name));
    check(output != graph_.outputs().end(), "the program has no output \"", name, "\"");
    const Type& type = output->second.type();
    check(static_cast<int64_t>(values.size()) == type.count() && type.dtype == DType::f32, "output \"", name, "\" is ",
          type, ", asked for as ", values.size(), " f32");
    std::ranges::fill(values, 0.0f);
  }

 private:
  struct Input {
    Type type;
    bool given = false;  ///< since the last run
  };
  void take(std::string_view name, size_t count, DType dtype) {
    const auto found = inputs_.find(name);
    check(found != inputs_.end(), "the program has no input \"", name, "\"");
    const Type& type = found->second.type;
    check(static_cast<int64_t>(count) == type.count() && type.dtype == dtype, "input \"", name, "\" is ", type,
          ", given ", count, " ", dtype);
    found->second.given = true;
  }

  Memory& memory_;
  Graph& graph_;
  std::map<std::string, Input, std::less<>> inputs_;
};

class NullSession : public Session {
 public:
  explicit NullSession(const DeviceModel& device) : memory_(device) {}

  std::unique_ptr<Executable> compile(Graph& graph) override {
    for (const Value& v : graph.leaves(variable_op)) {
      check(v.dtype() == DType::f32 || v.dtype() == DType::u8, "variable \"", v.node().scope(), "\" must be f32 or u8");
      add(v.node().scope(), static_cast<int64_t>((v.type().bytes() + sizeof(float) - 1) / sizeof(float)));
    }
    return std::make_unique<NullExecutable>(memory_, graph);
  }
  /// A temporary program's weights and activations are counted by whoever asks for them.
  std::unique_ptr<Executable> compile_temporary(Graph& graph) override {
    const MemoryUse before = memory_.use;
    std::unique_ptr<Executable> executable = compile(graph);
    memory_.use.weights = before.weights;
    return executable;
  }
  void write_variable(std::string_view name, std::span<const float> values) override {
    add(name, std::ssize(values));
    const auto [flat, offset, count] = place(name);
    std::vector<float>& written = memory_.written[flat];
    written.resize(static_cast<size_t>(memory_.variables.at(flat)));
    std::ranges::copy(values, written.begin() + offset);
  }
  void read_variable(std::string_view name, std::span<float> values) override {
    const auto [flat, offset, count] = place(name);
    check(count == std::ssize(values), "there is no variable \"", name, "\" of ", values.size(), " elements");
    const auto written = memory_.written.find(flat);
    if (written == memory_.written.end()) {
      std::ranges::fill(values, 0.0f);
    } else {
      std::copy_n(written->second.begin() + offset, count, values.begin());
    }
  }
  void declare_flat(std::string_view name, std::span<const FlatMember> members) override {
    check(!memory_.variables.contains(name) && !memory_.parts.contains(name), "variable \"", name,
          "\" cannot be made flat: it is there already");
    int64_t total = 0;
    for (const FlatMember& member : members) {
      check(!memory_.parts.contains(member.name), "variable \"", member.name, "\" belongs to a flat one already");
      add(member.name, member.count);
      total += member.count;
    }
    add(name, total);
    int64_t offset = 0;
    for (const FlatMember& member : members) {
      const auto written = memory_.written.extract(member.name);
      memory_.variables.erase(member.name);
      memory_.parts.emplace(member.name, Memory::Part{std::string(name), offset, member.count});
      if (written) write_variable(member.name, written.mapped());
      offset += member.count;
    }
  }
  std::vector<std::pair<std::string, int64_t>> variables() const override {
    return {memory_.variables.begin(), memory_.variables.end()};
  }
  MemoryUse memory() const override {
    MemoryUse use = memory_.use;
    for (const auto& [name, count] : memory_.variables) use.variables += static_cast<size_t>(count) * sizeof(float);
    return use;
  }
  void release_weights() override { memory_.use = {}; }

 private:
  void add(std::string_view name, int64_t count) {
    const auto part = memory_.parts.find(name);
    const int64_t known = part != memory_.parts.end()
                              ? part->second.count
                              : memory_.variables.try_emplace(std::string(name), count).first->second;
    check(known == count, "variable \"", name, "\" has ", known, " elements, given ", count);
  }
  /// A variable as a part of the one that has its numbers: itself, or a flat one.
  Memory::Part place(std::string_view name) const {
    if (const auto part = memory_.parts.find(name); part != memory_.parts.end()) return part->second;
    const auto known = memory_.variables.find(name);
    check(known != memory_.variables.end(), "there is no variable \"", name, "\"");
    return {known->first, 0, known->second};
  }

  Memory memory_;
};

}  // namespace

std::unique_ptr<Session> open_null_session(const DeviceModel& device) { return std::make_unique<NullSession>(device); }

}  // namespace rankine
