#include "optim/dadapt.h"

#include <cmath>
#include <limits>

#include "optim/distance.h"
#include "optim/optimizer_args.h"

namespace rankine {
namespace {

Type scalar() { return {{}, DType::f32}; }

/// How d follows from the sums of all parameters: see dadapt_distance.
struct DistanceRule {
  double keep = 0, gain = 0, power = 1, from_b = 0, from_weighted = 0;
};
/// d_hat = a running mean of the products of g and s, over sum |s|.
DistanceRule products_rule(double beta, double factor) { return {beta, 1 - beta, 1, 0, factor}; }
/// d_hat = (weighted |s|^2 - a running sum of weighted |g|^2) over sum |s|.
DistanceRule squares_rule(double beta) { return {beta, 1 - beta, 2, 1 / (1 - beta), -1}; }

struct DAdaptConfig {
  double beta1 = 0.9, beta2 = 0.999, difference = 0;  ///< of the moments; difference: Adan's second beta
  double beta_s = 0;                                  ///< of the sum s that d is estimated from
  double eps = 1e-8, weight_decay = 0, d0 = 1e-6, growth_rate = std::numeric_limits<double>::infinity();
  bool decouple = false, use_bias_correction = false, proximal = false, adan = false, lion = false;
  bool from_products = true;
  DistanceRule rule = {};
};

class DAdapt : public Optimizer {
 public:
  DAdapt(const DAdaptConfig& config, std::string description) : config_(config), description_(std::move(description)) {}
  std::string description() const override { return description_; }

  void append_updates(Graph& graph, std::span<const UpdateInputs> parameters) const override {
    const DAdaptConfig& c = config_;
    const Value d = graph.variable("dadapt.d", scalar()), k = graph.variable("dadapt.k", scalar());
    const Value weighted = graph.variable("dadapt.weighted", scalar());
    const AdaptedRate now =
        append_adapted_rate(graph, d, k, parameters, {c.d0, c.use_bias_correction, c.beta1, c.beta2});
    std::vector<Value> inputs = {now.d, weighted, k, now.d_rate, now.rate};
    for (const UpdateInputs& in : parameters) {
      graph.set_scope(in.weight.node().scope());
      inputs.push_back(c.lion ? append_lion(graph, in, now) : append_adam(graph, in, now, k));
    }
    graph.set_scope("");
    const Value next = graph.add(dadapt_distance_op, inputs,
                                 {{"keep", c.rule.keep},
                                  {"gain", c.rule.gain},
                                  {"power", c.rule.power},
                                  {"from_b", c.rule.from_b},
                                  {"from_weighted", c.rule.from_weighted},
                                  {"growth_rate", c.growth_rate}});
    int output = 0;
    for (const Value& variable : {d, weighted, k}) graph.assign(variable, {&next.node(), output++});
    graph.output("d", next);
  }

 private:
  /// The step does not need the new d, so that each parameter is done at once. Gives its sums.
  Value append_adam(Graph& graph, const UpdateInputs& in, const AdaptedRate& now, Value k) const {
    const DAdaptConfig& c = config_;
    const Value m = state_variable(graph, "exp_avg", in.weight), v = state_variable(graph, "exp_avg_sq", in.weight);
    const Value s = state_variable(graph, "s", in.weight);
    std::vector<Value> inputs = {m, v, s, in.weight, in.gradient, in.factor, in.lr, now.d_rate, now.rate};
    Value previous, average;
    if (c.adan) {
      previous = state_variable(graph, "pre_grad", in.weight);
      average = state_variable(graph, "exp_avg_diff", in.weight);
      inputs.insert(inputs.end(), {previous, k});
    }
    const Value next = graph.add(dadapt_adam_moments_op, inputs,
                                 {{"beta1", c.beta1},
                                  {"beta2", c.beta2},
                                  {"beta_s", c.beta_s},
                                  {"difference", c.difference},
                                  {"eps", c.eps},
                                  {"from_products", int64_t{c.from_products}},
                                  {"weight_decay", c.decouple ? 0.0 : c.weight_decay}});
    std::vector<Value> step = {in.weight, next, {&next.node(), 1}, in.lr, now.d_rate, now.rate};
    if (c.adan) {
      const Value change = graph.add(dadapt_adan_difference_op,
                                     {average, previous, in.gradient, in.factor, in.lr, now.d_rate, now.rate, k},
                                     {{"beta", c.difference}});
      graph.assign(average, change);
      graph.assign(previous, {&change.node(), 1});
      step.push_back(change);
    }
    graph.assign(in.weight, graph.add(dadapt_adam_step_op, step,
                                      {{"difference", c.difference},
                                       {"eps", c.eps},
                                       {"proximal", int64_t{c.proximal}},
                                       {"weight_decay", c.decouple ? c.weight_decay : 0.0}}));
    int output = 0;
    for (const Value& variable : {m, v, s}) graph.assign(variable, {&next.node(), output++});
    return {&next.node(), 3};
  }

  Value append_lion(Graph& graph, const UpdateInputs& in, const AdaptedRate& now) const {
    const Value m = state_variable(graph, "exp_avg", in.weight), s = state_variable(graph, "s", in.weight);
    const Value next =
        graph.add(dadapt_lion_op, {in.weight, m, s, in.gradient, in.factor, in.lr, now.d_rate, now.rate},
                  {{"beta1", config_.beta1}, {"beta2", config_.beta2}, {"weight_decay", config_.weight_decay}});
    int output = 0;
    for (const Value& variable : {in.weight, m, s}) graph.assign(variable, {&next.node(), output++});
    return {&next.node(), 3};
  }

  DAdaptConfig config_;
  std::string description_;
};

/// The arguments that all have, then the last checks.
std::unique_ptr<Optimizer> finish(OptimizerArgs& given, DAdaptConfig& c, const char* type, const char* python_class) {
  c.weight_decay = given.number("weight_decay", c.weight_decay);
  c.d0 = given.number("d0", c.d0);
  given.number("log_every", 0);  // what is logged is logged every step
  given.flag("fsdp_in_use", false);
  given.finish(type);
  check_betas(c.beta1, c.beta2);
  check(c.eps > 0 && c.d0 > 0, "--optimizer_args: eps and d0 must be above 0");
  check(c.weight_decay >= 0, "--optimizer_args: weight_decay cannot be negative");
  return std::make_unique<DAdapt>(c, "dadaptation." + (python_class + given.as_python()));
}

std::unique_ptr<Optimizer> make_adan(std::span<const std::string> args, bool improved) {
  OptimizerArgs given(args);
  DAdaptConfig c;
  c.adan = c.decouple = true;
  c.weight_decay = 0.02;
  const std::vector<double> betas = given.numbers("betas", {0.98, 0.92, 0.99});
  c.beta1 = betas[0];
  c.difference = betas[1];
  c.beta2 = c.beta_s = betas[2];
  check_betas(c.difference, c.difference);
  c.eps = given.number("eps", c.eps);
  c.proximal = !given.flag("no_prox", false);
  c.growth_rate = given.number("growth_rate", c.growth_rate);
  c.from_products = improved;
  c.rule = improved ? products_rule(c.beta2, 2 * c.beta2 / (1 - c.beta2)) : squares_rule(c.beta2);
  return improved ? finish(given, c, "DAdaptAdanIP", "experimental.dadapt_adan_ip.DAdaptAdanIP")
                  : finish(given, c, "DAdaptAdan", "dadapt_adan.DAdaptAdan");
}

}  // namespace

std::unique_ptr<Optimizer> make_dadapt_adam(std::span<const std::string> args) {
  OptimizerArgs given(args);
  DAdaptConfig c;
  std::tie(c.beta1, c.beta2) = given.pair("betas", {c.beta1, c.beta2});
  c.beta_s = std::sqrt(c.beta2);
  c.eps = given.number("eps", c.eps);
  c.decouple = given.flag("decouple", c.decouple);
  c.use_bias_correction = given.flag("use_bias_correction", c.use_bias_correction);
  c.growth_rate = given.number("growth_rate", c.growth_rate);
  c.rule = products_rule(c.beta_s, 1 / (1 - c.beta_s));
  return finish(given, c, "DAdaptAdam", "dadapt_adam.DAdaptAdam");
}

std::unique_ptr<Optimizer> make_dadapt_adam_preprint(std::span<const std::string> args) {
  OptimizerArgs given(args);
  DAdaptConfig c;
  std::tie(c.beta1, c.beta2) = given.pair("betas", {c.beta1, c.beta2});
  c.beta_s = c.beta2;
  c.eps = given.number("eps", c.eps);
  c.decouple = given.flag("decouple", c.decouple);
  c.growth_rate = given.number("growth_rate", c.growth_rate);
  c.from_products = false;
  c.rule = squares_rule(c.beta2);
  return finish(given, c, "DAdaptAdamPreprint", "experimental.dadapt_adam_preprint.DAdaptAdamPreprint");
}

std::unique_ptr<Optimizer> make_dadapt_adan(std::span<const std::string> args) { return make_adan(args, false); }
std::unique_ptr<Optimizer> make_dadapt_adan_ip(std::span<const std::string> args) { return make_adan(args, true); }

std::unique_ptr<Optimizer> make_dadapt_lion(std::span<const std::string> args) {
  OptimizerArgs given(args);
  DAdaptConfig c;
  c.lion = true;
  c.beta2 = 0.99;
  std::tie(c.beta1, c.beta2) = given.pair("betas", {c.beta1, c.beta2});
  const double beta_s = std::sqrt(c.beta2);
  c.rule = products_rule(beta_s, 1 / (1 - beta_s));
  return finish(given, c, "DAdaptLion", "dadapt_lion.DAdaptLion");
}

}  // namespace rankine
