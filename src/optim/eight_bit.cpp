#include "optim/eight_bit.h"

#include "graph/ops/ops.h"
#include "graph/ops/update/dynamic_map.h"
#include "optim/adamw.h"
#include "optim/lion.h"
#include "optim/optimizer_args.h"
#include "optim/sgd.h"

namespace rankine {
namespace {

class EightBit : public ParameterOptimizer {
 public:
  /// `states`: how many numbers a parameter the update keeps. `counts_steps`: it reads the step.
  struct Update {
    const OpDef* op;
    int states;
    bool counts_steps;
    Attributes attributes;
  };
  EightBit(Update update, std::unique_ptr<Optimizer> small, int64_t least, std::string description)
      : update_(std::move(update)), small_(std::move(small)), least_(least), description_(std::move(description)) {}
  std::string description() const override { return description_; }
  bool needs_tensors() const override { return true; }  // blocks begin anew in each, and small ones stay in 32 bits

 private:
  void append_update(Graph& graph, const UpdateInputs& in) const override {
    const int64_t count = in.weight.type().count();
    if (count < least_) return small_->append_updates(graph, std::span(&in, 1));
    std::vector<Value> variables = {in.weight};
    for (int i = 1; i <= update_.states; ++i)
      variables.push_back(
          graph.variable(state_name("state" + std::to_string(i), in.weight), {in.weight.shape(), DType::u8}));
    variables.push_back(
        graph.variable(state_name("absmax", in.weight),
                       {{update_.states, (count + quantized_block - 1) / quantized_block}, DType::f32}));
    std::vector<Value> inputs = variables;
    inputs.insert(inputs.end(), {in.gradient, in.factor, in.lr});
    if (update_.counts_steps) inputs.push_back(in.step);
    const Value next = graph.add(*update_.op, inputs, update_.attributes);
    int output = 0;
    for (const Value& variable : variables) graph.assign(variable, {&next.node(), output++});
  }

  Update update_;
  std::unique_ptr<Optimizer> small_;
  int64_t least_;
  std::string description_;
};

/// Takes what bitsandbytes knows beside the optimiser's own arguments; gives min_8bit_size. Those are in `own`.
int64_t take_size(std::span<const std::string> args, std::vector<std::string>& own) {
  int64_t least = least_quantized;
  for (const std::string& arg : args) {
    if (!arg.starts_with("min_8bit_size")) {
      own.push_back(arg);
      continue;
    }
    const std::string one[] = {arg};
    OptimizerArgs given(one);
    least = static_cast<int64_t>(given.number("min_8bit_size", 0));
    given.finish("an 8-bit optimiser");
  }
  return least;
}

std::unique_ptr<Optimizer> adamw_8bit(std::span<const std::string> args, const char* python_class) {
  std::vector<std::string> own;
  const int64_t least = take_size(args, own);
  const AdamWConfig c = adamw_config(own);
  const Attributes attributes = {
      {"beta1", c.beta1}, {"beta2", c.beta2}, {"eps", c.eps}, {"weight_decay", c.weight_decay}};
  return std::make_unique<EightBit>(EightBit::Update{&adamw_8bit_op, 2, true, attributes}, make_adamw(own), least,
                                    python_class + OptimizerArgs(args).as_python());
}

std::unique_ptr<Optimizer> lion_8bit(std::span<const std::string> args, const char* python_class) {
  std::vector<std::string> own;
  const int64_t least = take_size(args, own);
  const LionConfig c = lion_config(own);
  const Attributes attributes = {{"beta1", c.beta1}, {"beta2", c.beta2}, {"weight_decay", c.weight_decay}};
  return std::make_unique<EightBit>(EightBit::Update{&lion_8bit_op, 1, false, attributes}, make_lion(own), least,
                                    python_class + OptimizerArgs(args).as_python());
}

}  // namespace

std::unique_ptr<Optimizer> make_adamw_8bit(std::span<const std::string> args) {
  return adamw_8bit(args, "bitsandbytes.optim.adamw.AdamW8bit");
}
std::unique_ptr<Optimizer> make_paged_adamw_8bit(std::span<const std::string> args) {
  return adamw_8bit(args, "bitsandbytes.optim.adamw.PagedAdamW8bit");
}
std::unique_ptr<Optimizer> make_lion_8bit(std::span<const std::string> args) {
  return lion_8bit(args, "bitsandbytes.optim.lion.Lion8bit");
}
std::unique_ptr<Optimizer> make_paged_lion_8bit(std::span<const std::string> args) {
  return lion_8bit(args, "bitsandbytes.optim.lion.PagedLion8bit");
}

std::unique_ptr<Optimizer> make_sgd_nesterov_8bit(std::span<const std::string> args) {
  std::vector<std::string> own;
  const int64_t least = take_size(args, own);
  const SgdConfig c = sgd_config(own);
  const Attributes attributes = {{"momentum", c.momentum}, {"weight_decay", c.weight_decay}};
  OptimizerArgs described(args);
  if (!described.has("momentum")) described.set("momentum", "0.9");
  return std::make_unique<EightBit>(EightBit::Update{&sgd_nesterov_8bit_op, 1, false, attributes},
                                    make_sgd_nesterov(own), least,
                                    "bitsandbytes.optim.sgd.SGD8bit" + described.as_python());
}

}  // namespace rankine
