#include "optim/sgd.h"

#include "graph/ops/ops.h"
#include "optim/optimizer_args.h"

namespace rankine {
namespace {

class SgdNesterov : public ParameterOptimizer {
 public:
  SgdNesterov(const SgdConfig& config, std::string arguments) : config_(config), arguments_(std::move(arguments)) {}
  std::string description() const override { return "torch.optim.sgd.SGD" + arguments_; }

 private:
  void append_update(Graph& graph, const UpdateInputs& in) const override {
    const Value m = state_variable(graph, "momentum_buffer", in.weight);
    const Value w = graph.add(sgd_nesterov_op, {in.weight, m, in.gradient, in.factor, in.lr},
                              {{"momentum", config_.momentum}, {"weight_decay", config_.weight_decay}});
    graph.assign(in.weight, w);
    graph.assign(m, {&w.node(), 1});
  }

  SgdConfig config_;
  std::string arguments_;
};

}  // namespace

SgdConfig sgd_config(std::span<const std::string> args) {
  OptimizerArgs given(args);
  SgdConfig config;
  config.momentum = given.number("momentum", config.momentum);
  config.weight_decay = given.number("weight_decay", config.weight_decay);
  given.finish("SGDNesterov");
  check(config.momentum > 0, "--optimizer_args momentum: Nesterov's method needs one above 0, got ", config.momentum);
  check(config.weight_decay >= 0, "--optimizer_args: weight_decay cannot be negative");
  return config;
}

std::unique_ptr<Optimizer> make_sgd_nesterov(std::span<const std::string> args) {
  OptimizerArgs given(args);
  if (!given.has("momentum")) given.set("momentum", "0.9");  // as sd-scripts does, and it then shows in the description
  return std::make_unique<SgdNesterov>(sgd_config(args), given.as_python());
}

}  // namespace rankine
