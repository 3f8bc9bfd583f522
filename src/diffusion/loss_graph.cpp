#include "diffusion/loss_graph.h"

#include "base/error.h"
#include "diffusion/loss.h"
#include "graph/ops/ops.h"

namespace rankine {
namespace {

/// The error of each element, from the difference d [N, ...] and the samples' thresholds c [N] (none if the kind has
/// none). The formulas are those of loss_kinds().
struct LossOfElements {
  std::string_view name;
  Value (*errors)(Value d, Value c);
};

Value huber(Value d, Value c) {
  Shape each(static_cast<size_t>(d.rank()), 1);
  each[0] = d.dim(0);
  return mul(smooth_l1(d, c), reshape(c, each));
}

constexpr LossOfElements losses[] = {
    {"l2", [](Value d, Value) { return mul(d, d); }},
    {"l1", [](Value d, Value) { return abs(d); }},
    {"huber", huber},
    {"smooth_l1", smooth_l1},
};

Value mean_of_samples(Value errors) {
  Shape each(static_cast<size_t>(errors.rank()), 1);
  each[0] = errors.dim(0);
  const int64_t elements = errors.type().count() / errors.dim(0);
  return scale(reshape(sum_to(errors, each), {errors.dim(0)}), 1.0 / static_cast<double>(elements));
}

}  // namespace

Value sample_losses(Graph& graph, const LossGraphSettings& settings, Value prediction, Value target) {
  const LossKind& kind = find_loss_kind(settings.loss_type);
  if (kind.name == "l2" && !settings.masked) return mse_loss(prediction, target);
  const Value d = add(prediction, scale(target, -1.0));
  const Value c = kind.uses_threshold ? graph.input(kHuberC, {{d.dim(0)}, DType::f32}) : Value{};
  for (const LossOfElements& loss : losses) {
    if (loss.name != kind.name) continue;
    Value errors = loss.errors(d, c);
    if (settings.masked) {
      Shape mask = d.shape();
      mask.back() = 1;
      errors = mul(errors, graph.input(kLossMask, {mask, DType::f32}));
    }
    return mean_of_samples(errors);
  }
  fail("the loss ", kind.name, " has no form in a graph");
}

}  // namespace rankine
