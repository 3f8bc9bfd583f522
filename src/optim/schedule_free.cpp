#include "optim/schedule_free.h"

#include <map>

#include "graph/ops/ops.h"
#include "optim/optimizer_args.h"

namespace rankine {
namespace {

constexpr const char* difference = "z_minus_y";  // the state: zeros at the start

struct ScheduleFreeConfig {
  bool adam = false;                  ///< with a second moment
  double beta1 = 0.9, beta2 = 0.999;  ///< beta1: the share of the average in the trained weights
  double eps = 1e-8, weight_decay = 0, warmup_steps = 0, r = 0, weight_lr_power = 2;
  bool rectify = false;     ///< RAdam's warm-up
  double early_factor = 0;  ///< of the rate, in its first steps
};

class ScheduleFree : public Optimizer {
 public:
  ScheduleFree(const ScheduleFreeConfig& config, std::string description)
      : config_(config), description_(std::move(description)) {}
  std::string description() const override { return description_; }
  bool takes_lr_schedule() const override { return false; }
  std::optional<EvaluationWeights> evaluation_weights() const override {
    return EvaluationWeights{difference, 1 - 1 / config_.beta1};
  }

  void append_updates(Graph& graph, std::span<const UpdateInputs> parameters) const override {
    std::map<std::string, Value> weights;  // per group
    for (const UpdateInputs& in : parameters) {
      Value& weight = weights[in.group];
      if (!weight) weight = append_weight(graph, in);
      graph.set_scope(in.weight.node().scope());
      append_update(graph, in, weight, {&weight.node(), 3});
      graph.set_scope("");
    }
  }

 private:
  /// Returns the newest z's weight in the average; output 3 of its node is the rate.
  Value append_weight(Graph& graph, const UpdateInputs& in) const {
    const Type scalar = {{}, DType::f32};
    const Value lr_max = graph.variable("schedule_free.lr_max." + in.group, scalar);
    const Value sum = graph.variable("schedule_free.weight_sum." + in.group, scalar);
    const Value next = graph.add(schedule_free_weight_op, {lr_max, sum, in.lr, in.step},
                                 {{"beta2", config_.beta2},
                                  {"early_factor", config_.early_factor},
                                  {"r", config_.r},
                                  {"rectify", int64_t{config_.rectify}},
                                  {"warmup_steps", config_.warmup_steps},
                                  {"weight_lr_power", config_.weight_lr_power}});
    graph.assign(lr_max, next);
    graph.assign(sum, {&next.node(), 1});
    return {&next.node(), 2};
  }

  void append_update(Graph& graph, const UpdateInputs& in, Value weight, Value rate) const {
    const Value z = state_variable(graph, difference, in.weight);
    if (!config_.adam) {
      const Value next = graph.add(sgd_schedule_free_op, {in.weight, z, in.gradient, in.factor, rate, weight},
                                   {{"momentum", config_.beta1}, {"weight_decay", config_.weight_decay}});
      graph.assign(in.weight, next);
      graph.assign(z, {&next.node(), 1});
      return;
    }
    const Value v = state_variable(graph, "exp_avg_sq", in.weight);
    const Value next =
        graph.add(adamw_schedule_free_op, {in.weight, z, v, in.gradient, in.factor, rate, weight, in.step},
                  {{"beta1", config_.beta1},
                   {"beta2", config_.beta2},
                   {"eps", config_.eps},
                   {"rectify", int64_t{config_.rectify}},
                   {"weight_decay", config_.weight_decay}});
    graph.assign(in.weight, next);
    graph.assign(z, {&next.node(), 1});
    graph.assign(v, {&next.node(), 2});
  }

  ScheduleFreeConfig config_;
  std::string description_;
};

/// Reads the arguments that all of these have, then makes the last checks.
std::unique_ptr<Optimizer> finish(OptimizerArgs& given, ScheduleFreeConfig& c, const char* type,
                                  const char* python_class) {
  c.weight_decay = given.number("weight_decay", c.weight_decay);
  c.r = given.number("r", c.r);
  c.weight_lr_power = given.number("weight_lr_power", c.weight_lr_power);
  given.flag("foreach", true);  // the same numbers in another order
  given.finish(type);
  check_betas(c.beta1, c.beta2);
  check(c.beta1 > 0, "--optimizer_args: ", type, " needs a first beta (or momentum) above 0: it makes the average");
  check(c.eps >= 0 && c.weight_decay >= 0 && c.warmup_steps >= 0,
        "--optimizer_args: eps, weight_decay and warmup_steps cannot be negative");
  return std::make_unique<ScheduleFree>(c, "schedulefree." + (python_class + given.as_python()));
}

ScheduleFreeConfig adam_config(OptimizerArgs& given) {
  ScheduleFreeConfig c;
  c.adam = true;
  std::tie(c.beta1, c.beta2) = given.pair("betas", {c.beta1, c.beta2});
  c.eps = given.number("eps", c.eps);
  return c;
}

}  // namespace

std::unique_ptr<Optimizer> make_adamw_schedule_free(std::span<const std::string> args) {
  OptimizerArgs given(args);
  ScheduleFreeConfig c = adam_config(given);
  c.warmup_steps = given.number("warmup_steps", c.warmup_steps);
  return finish(given, c, "AdamWScheduleFree", "adamw_schedulefree.AdamWScheduleFree");
}

std::unique_ptr<Optimizer> make_radam_schedule_free(std::span<const std::string> args) {
  OptimizerArgs given(args);
  ScheduleFreeConfig c = adam_config(given);
  c.rectify = true;
  c.early_factor = given.flag("silent_sgd_phase", true) ? 0 : 1;
  return finish(given, c, "RAdamScheduleFree", "radam_schedulefree.RAdamScheduleFree");
}

std::unique_ptr<Optimizer> make_sgd_schedule_free(std::span<const std::string> args) {
  OptimizerArgs given(args);
  ScheduleFreeConfig c;
  c.beta1 = given.number("momentum", c.beta1);
  c.warmup_steps = given.number("warmup_steps", c.warmup_steps);
  return finish(given, c, "SGDScheduleFree", "sgd_schedulefree.SGDScheduleFree");
}

}  // namespace rankine
