#include "backend/reference/session.h"

#include <algorithm>
#include <map>
#include <optional>

#include "backend/reference/interpreter.h"
#include "graph/ops/ops.h"

namespace rankine {
namespace {

HostTensor to_host(const Shape& shape, std::span<const float> values) {
  return {shape, std::vector<double>(values.begin(), values.end())};
}

class Memory {
 public:
  explicit Memory(ConstantSource& source) : constants(source) {}
  ConstantSource& constants;

  bool has(std::string_view name) const { return variables_.contains(name) || parts_.contains(name); }
  /// The variable's numbers. Throws Error when there is none of that name.
  std::vector<double> read(std::string_view name) const {
    if (const auto part = parts_.find(name); part != parts_.end()) {
      const auto begin = variables_.find(part->second.flat)->second.begin() + part->second.offset;
      return {begin, begin + part->second.count};
    }
    const auto found = variables_.find(name);
    check(found != variables_.end(), "there is no variable \"", name, "\"");
    return found->second;
  }
  /// Makes the variable where there is none.
  void write(std::string_view name, std::vector<double> values) {
    const auto part = parts_.find(name);
    if (part == parts_.end()) {
      variables_.insert_or_assign(std::string(name), std::move(values));
      return;
    }
    const auto [flat, offset, count] = part->second;
    check(static_cast<int64_t>(values.size()) == count, "variable \"", name, "\" has ", count, " elements, given ",
          values.size());
    std::ranges::copy(values, variables_.find(flat)->second.begin() + offset);
  }
  void declare_flat(std::string_view name, std::span<const FlatMember> members) {
    check(!has(name), "variable \"", name, "\" cannot be made flat: it is there already");
    std::vector<double> values;
    for (const FlatMember& member : members) {
      const auto count = static_cast<size_t>(member.count);
      const std::vector<double> own = has(member.name) ? read(member.name) : std::vector<double>(count);
      check(own.size() == count && !parts_.contains(member.name), "variable \"", member.name,
            "\" cannot be a part of \"", name, "\"");
      parts_.emplace(member.name, Part{std::string(name), static_cast<int64_t>(values.size()), member.count});
      variables_.erase(member.name);
      values.insert(values.end(), own.begin(), own.end());
    }
    variables_.emplace(std::string(name), std::move(values));
  }
  std::vector<std::pair<std::string, int64_t>> list() const {
    std::vector<std::pair<std::string, int64_t>> all;
    for (const auto& [name, values] : variables_) all.emplace_back(name, values.size());
    return all;
  }

 private:
  /// Where a member of a flat variable lies in it.
  struct Part {
    std::string flat;
    int64_t offset, count;
  };
  std::map<std::string, std::vector<double>, std::less<>> variables_;
  std::map<std::string, Part, std::less<>> parts_;
};

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
      if (memory_.has(name)) return HostTensor(type.shape, memory_.read(name));
      std::vector<float> values(static_cast<size_t>(type.count()));
      memory_.constants.read(name, type.shape, values);
      return to_host(type.shape, values);
    });
    for (const Value& variable : graph_.leaves(variable_op)) {
      const std::string& name = variable.node().scope();
      if (const auto assigned = result_->outputs().find(name); assigned != result_->outputs().end())
        memory_.write(name, assigned->second.data());
    }
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
      if (!memory_.has(v.node().scope()))
        memory_.write(v.node().scope(), std::vector<double>(static_cast<size_t>(v.type().count())));
    return std::make_unique<ReferenceExecutable>(memory_, graph);
  }
  void write_variable(std::string_view name, std::span<const float> values) override {
    memory_.write(name, {values.begin(), values.end()});
  }
  void read_variable(std::string_view name, std::span<float> values) override {
    const std::vector<double> stored = memory_.read(name);
    check(stored.size() >= values.size(), "variable \"", name, "\" has ", stored.size(), " elements, not ",
          values.size());
    std::transform(stored.begin(), stored.begin() + static_cast<std::ptrdiff_t>(values.size()), values.begin(),
                   [](double x) { return static_cast<float>(x); });
  }
  void declare_flat(std::string_view name, std::span<const FlatMember> members) override {
    memory_.declare_flat(name, members);
  }
  std::vector<std::pair<std::string, int64_t>> variables() const override { return memory_.list(); }
  MemoryUse memory() const override { return {}; }

 private:
  Memory memory_;
};

}  // namespace

std::unique_ptr<Session> open_reference_session(ConstantSource& constants) {
  return std::make_unique<ReferenceSession>(constants);
}

}  // namespace rankine
