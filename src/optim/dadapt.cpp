#include "optim/dadapt.h"

#include <cmath>
#include <limits>

#include "optim/distance.h"
#include "optim/optimizer_args.h"

namespace rankine {
namespace {

Type scalar() { return {{}, DType::f32}; }

/// The rule that computes d from the sums of all parameters: see dadapt_distance.
struct DistanceRule {
  double keep = 0, gain = 0, power = 1, from_b = 0, from_weighted = 0;
  bool root = false;
};
/// d_hat = a running mean of the products of g and s, over sum |s|.
DistanceRule products_rule(double beta, double factor) { return {beta, 1 - beta, 1, 0, factor}; }
/// d_hat = (weighted |s|^2 - a running sum of weighted |g|^2) over sum |s|.
DistanceRule squares_rule(double beta) { return {beta, 1 - beta, 2, 1 / (1 - beta), -1}; }

enum class Method { adam, adan, lion, sgd, adagrad };

struct DAdaptConfig {
  Method method = Method::adam;
  double beta1 = 0.9, beta2 = 0.999, difference = 0;  ///< of the moments; difference: Adan's second beta
  double beta_s = 0;                                  ///< of the sum s that d is estimated from
  double momentum = 0;                                ///< of SGD and AdaGrad: the share of the old weights that stays
  double eps = 1e-8, weight_decay = 0, d0 = 1e-6, growth_rate = std::numeric_limits<double>::infinity();
  bool decouple = false, use_bias_correction = false, proximal = false;
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
    const Value step = c.method == Method::sgd ? append_sgd_rate(graph, parameters, now, k) : Value{};
    std::vector<Value> inputs = {now.d, weighted, k, now.d_rate, now.rate};
    for (const UpdateInputs& in : parameters) {
      graph.set_scope(in.weight.node().scope());
      switch (c.method) {
        case Method::adam:
        case Method::adan:
          inputs.push_back(append_adam(graph, in, now, k));
          break;
        case Method::lion:
          inputs.push_back(append_lion(graph, in, now));
          break;
        case Method::sgd:
          inputs.push_back(append_sgd(graph, in, now, step));
          break;
        case Method::adagrad:
          inputs.push_back(append_adagrad(graph, in, now));
          break;
      }
    }
    graph.set_scope("");
    const Value next = graph.add(dadapt_distance_op, inputs,
                                 {{"keep", c.rule.keep},
                                  {"gain", c.rule.gain},
                                  {"power", c.rule.power},
                                  {"from_b", c.rule.from_b},
                                  {"from_weighted", c.rule.from_weighted},
                                  {"root", int64_t{c.rule.root}},
                                  {"growth_rate", c.growth_rate}});
    int output = 0;
    for (const Value& variable : {d, weighted, k}) graph.assign(variable, {&next.node(), output++});
    graph.output("d", next);
  }

 private:
  /// Adds a step that does not need the new d, so that each parameter is finished at once. Returns its sums.
  Value append_adam(Graph& graph, const UpdateInputs& in, const AdaptedRate& now, Value k) const {
    const DAdaptConfig& c = config_;
    const bool adan = c.method == Method::adan;
    const Value m = state_variable(graph, "exp_avg", in.weight), v = state_variable(graph, "exp_avg_sq", in.weight);
    const Value s = state_variable(graph, "s", in.weight);
    std::vector<Value> inputs = {m, v, s, in.weight, in.gradient, in.factor, in.lr, now.d_rate, now.rate};
    Value previous, average;
    if (adan) {
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
    if (adan) {
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

  /// d times the rate, over the size of the first gradient.
  Value append_sgd_rate(Graph& graph, std::span<const UpdateInputs> parameters, const AdaptedRate& now, Value k) const {
    const Value g0 = graph.variable("dadapt.g0_norm", scalar());
    std::vector<Value> inputs = {g0, k, now.d_rate, parameters.front().factor};
    for (const UpdateInputs& in : parameters) inputs.insert(inputs.end(), {in.gradient, in.lr});
    const Value next = graph.add(dadapt_sgd_rate_op, inputs);
    graph.assign(g0, next);
    return {&next.node(), 1};
  }

  Value append_sgd(Graph& graph, const UpdateInputs& in, const AdaptedRate& now, Value step) const {
    const Value s = state_variable(graph, "s", in.weight), w0 = append_first(graph, in);
    const Value next = graph.add(dadapt_sgd_op, {in.weight, s, w0, in.gradient, in.factor, in.lr, step, now.rate},
                                 {{"momentum", config_.momentum}, {"weight_decay", config_.weight_decay}});
    graph.assign(in.weight, next);
    graph.assign(s, {&next.node(), 1});
    return {&next.node(), 2};
  }

  Value append_adagrad(Graph& graph, const UpdateInputs& in, const AdaptedRate& now) const {
    const DAdaptConfig& c = config_;
    const Value s = state_variable(graph, "s", in.weight), squares = state_variable(graph, "sum", in.weight);
    const Value next =
        graph.add(dadapt_adagrad_op,
                  {in.weight, s, squares, append_first(graph, in), in.gradient, in.factor, in.lr, now.d_rate, now.rate},
                  {{"eps", c.eps}, {"momentum", c.momentum}, {"weight_decay", c.weight_decay}});
    int output = 0;
    for (const Value& variable : {in.weight, s, squares}) graph.assign(variable, {&next.node(), output++});
    return {&next.node(), 3};
  }

  /// The weight at the start of training, f32 [count].
  Value append_first(Graph& graph, const UpdateInputs& in) const {
    const Value w0 = graph.variable(state_name("x0", in.weight), {{in.weight.type().count()}, DType::f32});
    const Value first = graph.add(first_value_op, {w0, in.weight, in.step}, {{"stride", int64_t{1}}});
    graph.assign(w0, first);
    return first;
  }

  DAdaptConfig config_;
  std::string description_;
};

/// Reads the arguments that all of these have, then makes the last checks.
std::unique_ptr<Optimizer> finish(OptimizerArgs& given, DAdaptConfig& c, const char* type, const char* python_class) {
  c.weight_decay = given.number("weight_decay", c.weight_decay);
  c.d0 = given.number("d0", c.d0);
  given.number("log_every", 0);  // every step is logged anyway
  given.flag("fsdp_in_use", false);
  given.finish(type);
  check_betas(c.beta1, c.beta2);
  check(c.eps > 0 && c.d0 > 0, "--optimizer_args: eps and d0 must be above 0");
  check(c.weight_decay >= 0, "--optimizer_args: weight_decay cannot be negative");
  check(c.momentum >= 0 && c.momentum < 1, "--optimizer_args momentum must be at least 0 and below 1, got ",
        c.momentum);
  return std::make_unique<DAdapt>(c, "dadaptation." + (python_class + given.as_python()));
}

std::unique_ptr<Optimizer> make_adan(std::span<const std::string> args, bool improved) {
  OptimizerArgs given(args);
  DAdaptConfig c;
  c.method = Method::adan;
  c.decouple = true;
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
  c.method = Method::lion;
  c.beta2 = 0.99;
  std::tie(c.beta1, c.beta2) = given.pair("betas", {c.beta1, c.beta2});
  const double beta_s = std::sqrt(c.beta2);
  c.rule = products_rule(beta_s, 1 / (1 - beta_s));
  return finish(given, c, "DAdaptLion", "dadapt_lion.DAdaptLion");
}

std::unique_ptr<Optimizer> make_dadapt_sgd(std::span<const std::string> args) {
  OptimizerArgs given(args);
  DAdaptConfig c;
  c.method = Method::sgd;
  c.momentum = given.number("momentum", c.momentum);
  c.growth_rate = given.number("growth_rate", c.growth_rate);
  // d_hat = twice the running sum of step * <g, s>, over |s| (section 3.1 of the paper).
  c.rule = {.keep = 1, .gain = 1, .power = 0, .from_weighted = 2, .root = true};
  return finish(given, c, "DAdaptSGD", "dadapt_sgd.DAdaptSGD");
}

std::unique_ptr<Optimizer> make_dadapt_adagrad(std::span<const std::string> args) {
  OptimizerArgs given(args);
  DAdaptConfig c;
  c.method = Method::adagrad;
  c.momentum = given.number("momentum", c.momentum);
  c.eps = given.number("eps", 1e-6);
  c.growth_rate = given.number("growth_rate", c.growth_rate);
  // d_hat = (weighted |s|^2 - the sum of step^2 * weighted |g|^2) over sum |s|.
  c.rule = {.keep = 1, .gain = 1, .power = 0, .from_b = 1, .from_weighted = -1};
  return finish(given, c, "DAdaptAdaGrad", "dadapt_adagrad.DAdaptAdaGrad");
}

}  // namespace rankine
