#include "optim/prodigy.h"

#include <cmath>

#include "optim/distance.h"
#include "optim/optimizer_args.h"

namespace rankine {
namespace {

Type scalar() { return {{}, DType::f32}; }

class Prodigy : public Optimizer {
 public:
  Prodigy(const ProdigyConfig& config, std::string arguments) : config_(config), arguments_(std::move(arguments)) {}
  std::string description() const override { return "prodigyopt.prodigy.Prodigy" + arguments_; }
  bool needs_tensors() const override { return config_.slice_p != 1; }  // counts every slice_p-th element of each

  void append_updates(Graph& graph, std::span<const UpdateInputs> parameters) const override {
    const ProdigyConfig& c = config_;
    const Value d = graph.variable("prodigy.d", scalar()), d_max = graph.variable("prodigy.d_max", scalar());
    const Value numerator = graph.variable("prodigy.d_numerator", scalar()), k = graph.variable("prodigy.k", scalar());
    const AdaptedRate now =
        append_adapted_rate(graph, d, k, parameters, {c.d0, c.use_bias_correction, c.beta1, c.beta2});
    std::vector<Value> moments, inputs = {now.d, d_max, numerator, k, now.rate};
    for (const UpdateInputs& in : parameters) {
      graph.set_scope(in.weight.node().scope());
      moments.push_back(append_moments(graph, in, now));
      inputs.push_back({&moments.back().node(), 3});
    }
    graph.set_scope("");
    const Value next =
        graph.add(prodigy_distance_op, inputs,
                  {{"beta3", c.beta3}, {"d0", c.d0}, {"d_coef", c.d_coef}, {"growth_rate", c.growth_rate}});
    for (size_t i = 0; i < parameters.size(); ++i) {
      const UpdateInputs& in = parameters[i];
      graph.set_scope(in.weight.node().scope());
      graph.assign(in.weight,
                   graph.add(prodigy_step_op,
                             {in.weight, moments[i], {&moments[i].node(), 1}, next, now.d_rate, now.rate, in.lr},
                             {{"eps", c.eps}, {"weight_decay", c.decouple ? c.weight_decay : 0.0}}));
    }
    graph.set_scope("");
    int output = 0;
    for (const Value& variable : {d, d_max, numerator, k}) graph.assign(variable, {&next.node(), output++});
    graph.output("d", next);
  }

 private:
  Value append_moments(Graph& graph, const UpdateInputs& in, const AdaptedRate& now) const {
    const ProdigyConfig& c = config_;
    const Type sliced = {{(in.weight.type().count() + c.slice_p - 1) / c.slice_p}, DType::f32};
    const Value m = state_variable(graph, "exp_avg", in.weight), v = state_variable(graph, "exp_avg_sq", in.weight);
    const Value s = graph.variable(state_name("s", in.weight), sliced);
    const Value w0 = graph.variable(state_name("p0", in.weight), sliced);
    const Value first = graph.add(first_value_op, {w0, in.weight, in.step}, {{"stride", c.slice_p}});
    graph.assign(w0, first);
    const Value next =
        graph.add(prodigy_moments_op, {m, v, s, first, in.weight, in.gradient, in.factor, in.lr, now.d, now.d_rate},
                  {{"beta1", c.beta1},
                   {"beta2", c.beta2},
                   {"beta3", c.beta3},
                   {"d0", c.d0},
                   {"safeguard_warmup", int64_t{c.safeguard_warmup}},
                   {"slice_p", c.slice_p},
                   {"weight_decay", c.decouple ? 0.0 : c.weight_decay}});
    int output = 0;
    for (const Value& variable : {m, v, s}) graph.assign(variable, {&next.node(), output++});
    return next;
  }

  ProdigyConfig config_;
  std::string arguments_;
};

}  // namespace

std::unique_ptr<Optimizer> make_prodigy(std::span<const std::string> args) {
  OptimizerArgs given(args);
  ProdigyConfig c;
  std::tie(c.beta1, c.beta2) = given.pair("betas", {c.beta1, c.beta2});
  c.beta3 = given.optional_number("beta3").value_or(std::sqrt(c.beta2));
  c.eps = given.number("eps", c.eps);
  c.weight_decay = given.number("weight_decay", c.weight_decay);
  c.decouple = given.flag("decouple", c.decouple);
  c.use_bias_correction = given.flag("use_bias_correction", c.use_bias_correction);
  c.safeguard_warmup = given.flag("safeguard_warmup", c.safeguard_warmup);
  c.d0 = given.number("d0", c.d0);
  c.d_coef = given.number("d_coef", c.d_coef);
  c.growth_rate = given.number("growth_rate", c.growth_rate);
  c.slice_p = static_cast<int64_t>(given.number("slice_p", 1));
  given.flag("fsdp_in_use", false);  // of several machines
  given.finish("Prodigy");
  check_betas(c.beta1, c.beta2);
  check(c.eps > 0 && c.d0 > 0, "--optimizer_args: eps and d0 must be above 0");
  check(c.slice_p >= 1, "--optimizer_args slice_p must be at least 1, got ", c.slice_p);
  check(c.weight_decay >= 0, "--optimizer_args: weight_decay cannot be negative");
  return std::make_unique<Prodigy>(c, given.as_python());
}

}  // namespace rankine
