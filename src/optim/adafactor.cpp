#include "optim/adafactor.h"

#include "graph/ops/ops.h"
#include "optim/optimizer_args.h"

namespace rankine {
namespace {

class Adafactor : public Optimizer {
 public:
  Adafactor(const AdafactorConfig& config, std::string arguments) : config_(config), arguments_(std::move(arguments)) {}
  std::string description() const override { return "transformers.optimization.Adafactor" + arguments_; }
  bool takes_lr_schedule() const override { return !config_.relative_step; }
  bool finds_own_rate() const override { return config_.relative_step; }
  bool needs_tensors() const override { return true; }  // moments of rows and columns, the norm of each weight

  void append_updates(Graph& graph, std::span<const UpdateInputs> parameters) const override {
    for (const UpdateInputs& in : parameters) {
      graph.set_scope(in.weight.node().scope());
      const Value rate = append_update(graph, in);
      // Each tensor has its own rate; the first one's is logged for the group, as in transformers.
      if (config_.relative_step && in.leads) graph.output(rate_name(in.group), rate);
    }
    graph.set_scope("");
  }

 private:
  /// Gives the rate used.
  Value append_update(Graph& graph, const UpdateInputs& in) const {
    const AdafactorConfig& c = config_;
    const Value direction = append_direction(graph, in);
    std::vector<Value> inputs = {in.weight, direction, in.lr, in.step};
    if (c.beta1) inputs.push_back(state_variable(graph, "exp_avg", in.weight));
    const Value w = graph.add(adafactor_step_op, inputs,
                              {{"beta1", c.beta1.value_or(-1)},
                               {"clip_threshold", c.clip_threshold},
                               {"eps", c.eps2},
                               {"relative_step", int64_t{c.relative_step}},
                               {"scale_parameter", int64_t{c.scale_parameter}},
                               {"warmup_init", int64_t{c.warmup_init}},
                               {"weight_decay", c.weight_decay}});
    graph.assign(in.weight, w);
    if (c.beta1) graph.assign(inputs.back(), {&w.node(), 1});
    return {&w.node(), 2};
  }

  Value append_direction(Graph& graph, const UpdateInputs& in) const {
    const Attributes attributes = {{"decay_rate", config_.decay_rate}, {"eps", config_.eps1}};
    const Shape& shape = in.weight.shape();
    if (shape.size() < 2) {
      const Value v = state_variable(graph, "exp_avg_sq", in.weight);
      const Value next = graph.add(adafactor_unfactored_op, {v, in.gradient, in.factor, in.step}, attributes);
      graph.assign(v, next);
      return {&next.node(), 1};
    }
    Shape rows = shape, columns = shape;
    rows.pop_back();
    columns.erase(columns.end() - 2);
    const Value row = graph.variable(state_name("exp_avg_sq_row", in.weight), {rows, DType::f32});
    const Value column = graph.variable(state_name("exp_avg_sq_col", in.weight), {columns, DType::f32});
    const Value next = graph.add(adafactor_factored_op, {row, column, in.gradient, in.factor, in.step}, attributes);
    graph.assign(row, next);
    graph.assign(column, {&next.node(), 1});
    return {&next.node(), 2};
  }

  AdafactorConfig config_;
  std::string arguments_;
};

}  // namespace

std::unique_ptr<Optimizer> make_adafactor(std::span<const std::string> args) {
  OptimizerArgs given(args);
  AdafactorConfig c;
  if (!given.has("relative_step")) given.set("relative_step", "True");
  c.warmup_init = given.flag("warmup_init", c.warmup_init);
  if (c.warmup_init) given.set("relative_step", "True");  // as sd-scripts: the one needs the other
  c.relative_step = given.flag("relative_step", c.relative_step);
  std::tie(c.eps1, c.eps2) = given.pair("eps", {c.eps1, c.eps2});
  c.clip_threshold = given.number("clip_threshold", c.clip_threshold);
  c.decay_rate = given.number("decay_rate", c.decay_rate);
  c.beta1 = given.optional_number("beta1");
  c.weight_decay = given.number("weight_decay", c.weight_decay);
  c.scale_parameter = given.flag("scale_parameter", c.scale_parameter);
  given.finish("Adafactor");
  check(c.eps1 >= 0 && c.eps2 >= 0 && c.weight_decay >= 0, "--optimizer_args: eps and weight_decay cannot be negative");
  check(c.clip_threshold > 0, "--optimizer_args clip_threshold must be above 0, got ", c.clip_threshold);
  check(!c.beta1 || (*c.beta1 >= 0 && *c.beta1 < 1), "--optimizer_args beta1 must be at least 0 and below 1, got ",
        c.beta1.value_or(0));
  return std::make_unique<Adafactor>(c, given.as_python());
}

}  // namespace rankine
