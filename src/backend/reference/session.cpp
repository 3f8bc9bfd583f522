#include "backend/reference/session.h"

#include <optional>

#include "backend/reference/interpreter.h"
#include "graph/ops/ops.h"

namespace rankine {
namespace {

struct Memory {
  explicit Memory(ConstantSource& source) : constants(source) {}
  ConstantSource& constants;
  Feed variables;
};

HostTensor to_host(const Shape& shape, std::span<const float> values) {
  return {shape, std::vector<double>(values.begin(), values.end())};
}

class ReferenceExecutable : public Executable {
 public:
  ReferenceExecutable(Memory& memory, Graph& graph) : memory_(memory), graph_(graph) {}

  void set_input(std::string_view name, std::span<const float> values) override {
    inputs_.insert_or_assign(std::string(name), to_host({static_cast<int64_t>(values.size())}, values));
  }
  void set_input(std::string_view name, std::span<const int32_t> values) override {
    inputs_.insert_or_assign(std::string(name), HostTensor({static_cast<int64_t>(values.size())},
                                                           std::vector<double>(values.begin(), values.end())));
  }
  void run() override {
    result_.emplace(graph_, [&](const std::string& name, const Type& type) {
      if (const auto input = inputs_.find(name); input != inputs_.end())
        return HostTensor(type.shape, input->second.data());
      if (const auto known = memory_.variables.find(name); known != memory_.variables.end())
        return HostTensor(type.shape, known->second.data());
      std::vector<float> values(static_cast<size_t>(type.count()));
      memory_.constants.read(name, type.shape, values);
      return to_host(type.shape, values);
    });
    for (auto& [name, value] : memory_.variables)
      if (const auto assigned = result_->outputs().find(name); assigned != result_->outputs().end())
        value = assigned->second;
  }
  std::vector<NodeTime> profile() override {
    run();
    return {};  // how long a definition takes says nothing
  }
  std::optional<NonFiniteValue> find_nonfinite() override {
    run();
    return std::nullopt;  // in double precision little overflows
  }
  void get_output(std::string_view name, std::span<float> values) override {
    const HostTensor& tensor = result_->output(name);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(tensor[static_cast<int64_t>(i)]);
  }

 private:
  Memory& memory_;
  Graph& graph_;
  Feed inputs_;
  std::optional<Interpreter> result_;
};

class ReferenceSession : public Session {
 public:
  explicit ReferenceSession(ConstantSource& constants) : memory_(constants) {}
  std::unique_ptr<Executable> compile(Graph& graph) override {
    for (const Value& v : graph.leaves(variable_op))
      memory_.variables.try_emplace(v.node().scope(), HostTensor(v.shape()));
    return std::make_unique<ReferenceExecutable>(memory_, graph);
  }
  void write_variable(std::string_view name, std::span<const float> values) override {
    const auto found = memory_.variables.find(name);
    const Shape shape =
        found == memory_.variables.end() ? Shape{static_cast<int64_t>(values.size())} : found->second.shape();
    memory_.variables.insert_or_assign(std::string(name), to_host(shape, values));
  }
  void read_variable(std::string_view name, std::span<float> values) override {
    const auto found = memory_.variables.find(name);
    check(found != memory_.variables.end(), "there is no variable \"", name, "\"");
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(found->second[static_cast<int64_t>(i)]);
  }
  std::vector<std::pair<std::string, int64_t>> variables() const override {
    std::vector<std::pair<std::string, int64_t>> all;
    for (const auto& [name, value] : memory_.variables) all.emplace_back(name, value.count());
    return all;
  }
  MemoryUse memory() const override { return {}; }

 private:
  Memory memory_;
};

}  // namespace

std::unique_ptr<Session> open_reference_session(ConstantSource& constants) {
  return std::make_unique<ReferenceSession>(constants);
}

}  // namespace rankine
