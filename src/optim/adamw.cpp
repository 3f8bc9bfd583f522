#include "optim/adamw.h"

#include "graph/ops/ops.h"
#include "optim/optimizer_args.h"

namespace rankine {
namespace {

class AdamW : public ParameterOptimizer {
 public:
  AdamW(const AdamWConfig& config, std::string description) : config_(config), description_(std::move(description)) {}

  std::string description() const override { return description_; }

 private:
  void append_update(Graph& graph, const UpdateInputs& in) const override {
    const Value m = state_variable(graph, "exp_avg", in.weight);
    const Value v = state_variable(graph, "exp_avg_sq", in.weight);
    const Value w = graph.add(adamw_op, {in.weight, m, v, in.gradient, in.factor, in.lr, in.step},
                              {{"beta1", config_.beta1},
                               {"beta2", config_.beta2},
                               {"eps", config_.eps},
                               {"weight_decay", config_.weight_decay}});
    graph.assign(in.weight, w);
    graph.assign(m, {&w.node(), 1});
    graph.assign(v, {&w.node(), 2});
  }

  AdamWConfig config_;
  std::string description_;
};

}  // namespace

AdamWConfig adamw_config(std::span<const std::string> args) {
  OptimizerArgs given(args);
  AdamWConfig config;
  std::tie(config.beta1, config.beta2) = given.pair("betas", {config.beta1, config.beta2});
  config.eps = given.number("eps", config.eps);
  config.weight_decay = given.number("weight_decay", config.weight_decay);
  given.finish("AdamW");
  check_betas(config.beta1, config.beta2);
  check(config.eps >= 0 && config.weight_decay >= 0, "--optimizer_args: eps and weight_decay cannot be negative");
  return config;
}

namespace {

std::unique_ptr<Optimizer> adamw(std::span<const std::string> args, const char* python_class) {
  return std::make_unique<AdamW>(adamw_config(args), python_class + OptimizerArgs(args).as_python());
}

}  // namespace

std::unique_ptr<Optimizer> make_adamw(std::span<const std::string> args) {
  return adamw(args, "torch.optim.adamw.AdamW");
}
std::unique_ptr<Optimizer> make_paged_adamw(std::span<const std::string> args) {
  return adamw(args, "bitsandbytes.optim.adamw.PagedAdamW");
}
std::unique_ptr<Optimizer> make_paged_adamw_32bit(std::span<const std::string> args) {
  return adamw(args, "bitsandbytes.optim.adamw.PagedAdamW32bit");
}

}  // namespace rankine
