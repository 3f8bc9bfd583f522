#include "optim/lion.h"

#include "graph/ops/ops.h"
#include "optim/optimizer_args.h"

namespace rankine {
namespace {

class Lion : public ParameterOptimizer {
 public:
  Lion(const LionConfig& config, std::string arguments) : config_(config), arguments_(std::move(arguments)) {}
  std::string description() const override { return "lion_pytorch.lion_pytorch.Lion" + arguments_; }

 private:
  void append_update(Graph& graph, const UpdateInputs& in) const override {
    const Value m = state_variable(graph, "exp_avg", in.weight);
    const Value w =
        graph.add(lion_op, {in.weight, m, in.gradient, in.factor, in.lr},
                  {{"beta1", config_.beta1}, {"beta2", config_.beta2}, {"weight_decay", config_.weight_decay}});
    graph.assign(in.weight, w);
    graph.assign(m, {&w.node(), 1});
  }

  LionConfig config_;
  std::string arguments_;
};

}  // namespace

LionConfig lion_config(std::span<const std::string> args) {
  OptimizerArgs given(args);
  LionConfig config;
  std::tie(config.beta1, config.beta2) = given.pair("betas", {config.beta1, config.beta2});
  config.weight_decay = given.number("weight_decay", config.weight_decay);
  given.flag("use_triton", false);  // the same numbers by another kernel
  given.finish("Lion");
  check(config.beta1 >= 0 && config.beta1 <= 1 && config.beta2 >= 0 && config.beta2 <= 1,
        "--optimizer_args betas: each must be 0 to 1, got (", config.beta1, ", ", config.beta2, ")");
  check(config.weight_decay >= 0, "--optimizer_args: weight_decay cannot be negative");
  return config;
}

std::unique_ptr<Optimizer> make_lion(std::span<const std::string> args) {
  return std::make_unique<Lion>(lion_config(args), OptimizerArgs(args).as_python());
}

}  // namespace rankine
