#include "graph/passes/lower_ops.h"

#include <doctest/doctest.h>

#include <set>

#include "base/error.h"
#include "graph/feeds.h"
#include "graph/op_cases.h"

using namespace rankine;

namespace {

bool is_elementary(const OpDef& op) { return op.decompose == nullptr; }

}  // namespace

TEST_CASE("every op with a decomposition: the simpler ops compute what the op's own reference computes") {
  int lowered = 0;
  for (const OpCase& c : op_cases()) {
    CAPTURE(c.name);
    Graph fused, simple;
    fused.output("y", c.build(fused, DType::f32));
    simple.output("y", c.build(simple, DType::f32));
    lower(simple, is_elementary);
    bool decomposed = false;
    for (const Node& node : fused.nodes()) decomposed = decomposed || !is_elementary(node.op());
    for (const Node& node : simple.nodes()) CHECK(is_elementary(node.op()));
    if (!decomposed) continue;
    ++lowered;
    const Feed feed = random_feed(fused, 3);
    const HostTensor expected = Interpreter(fused, feed).output("y"), got = Interpreter(simple, feed).output("y");
    for (int64_t i = 0; i < expected.count(); ++i) CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-6));
  }
  CHECK(lowered > 35);
}

TEST_CASE("every update but those with 8-bit states has a decomposition") {
  const std::set<const OpDef*> quantized = {&adamw_8bit_op, &lion_8bit_op, &sgd_nesterov_8bit_op};
  for (const OpDef* op : {&accumulate_op,
                          &grad_norm_op,
                          &clip_factor_op,
                          &adamw_op,
                          &lion_op,
                          &sgd_nesterov_op,
                          &adafactor_factored_op,
                          &adafactor_unfactored_op,
                          &adafactor_step_op,
                          &first_value_op,
                          &adapted_rate_op,
                          &prodigy_moments_op,
                          &prodigy_distance_op,
                          &prodigy_step_op,
                          &dadapt_distance_op,
                          &dadapt_adam_moments_op,
                          &dadapt_adam_step_op,
                          &dadapt_adan_difference_op,
                          &dadapt_lion_op,
                          &dadapt_sgd_rate_op,
                          &dadapt_sgd_op,
                          &dadapt_adagrad_op,
                          &schedule_free_weight_op,
                          &adamw_schedule_free_op,
                          &sgd_schedule_free_op,
                          &limit_norm_op,
                          &norm_statistics_op,
                          &adamw_8bit_op,
                          &lion_8bit_op,
                          &sgd_nesterov_8bit_op}) {
    CAPTURE(op->name);
    CHECK((op->decompose == nullptr) == quantized.contains(op));
  }
}

TEST_CASE("only ops that the device has no kernel for are replaced, and the decomposition's own ops likewise") {
  Graph g;
  const Value x = g.input("x", {{3}, DType::f32}), y = g.input("y", {{3}, DType::f32});
  g.output("norm", grad_norm({x}));
  g.output("sum", accumulate(x, y, fill(g, {{}, DType::f32}, 1)));
  lower(g, [](const OpDef& op) { return &op != &grad_norm_op; });
  bool has_norm = false, has_sum = false;
  for (const Node& node : g.nodes()) {
    has_norm = has_norm || &node.op() == &grad_norm_op;
    has_sum = has_sum || &node.op() == &accumulate_op;
  }
  CHECK(!has_norm);
  CHECK(has_sum);
}

TEST_CASE("an op without a kernel and without a decomposition is named") {
  Graph g;
  g.set_scope("unet.conv_in");
  g.output("y", sqrt(g.input("x", {{3}, DType::f32})));
  CHECK_THROWS_WITH_AS(lower(g, [](const OpDef&) { return false; }),
                       "the device has no kernel for sqrt \"unet.conv_in\", and that op has no decomposition", Error);
}
