#include "graph/op_cases.h"

using namespace rankine;

namespace {

Type f32(Shape shape) { return {std::move(shape), DType::f32}; }
Value in(Graph& g, DType t, const char* name, Shape shape) { return cast(g.input(name, f32(std::move(shape))), t); }
Value x(Graph& g, DType t, Shape shape) { return in(g, t, "x", std::move(shape)); }
Value second(Value v, int output) { return {&v.node(), output}; }

// Updates of optimisers: gradients are named "g", states by their letters, so that states are never frozen.
Value number(Graph& g, double value) { return fill(g, f32({}), value); }
Value state(Graph& g, const char* name, Shape shape = {3, 5}) { return g.input(name, f32(std::move(shape))); }
Value square(Graph& g, Shape shape = {3, 5}) { return fill(g, f32(std::move(shape)), 0.3); }
/// |input|, in the given type.
Value abs_of_f32(Graph& g, DType t, const char* name, Shape shape) {
  return cast(abs(state(g, name, std::move(shape))), t);
}
/// Every output of a node, one after the other.
Value all_outputs(Value v) {
  std::vector<Value> flat;
  for (int i = 0; i < v.node().output_count(); ++i)
    flat.push_back(reshape(v.node().output(i), {v.node().type(i).count()}));
  return concat(flat, 0);
}

/// lora_linear or its gradient, both outputs one after the other.
Value with_lora(Graph& g, DType t, const OpDef& op, Shape rows, Shape weight, int64_t rank, bool extras) {
  const bool forward = &op == &lora_linear_op;
  Shape result = rows;
  result.back() = weight[forward ? 0 : 1];
  const Value bias = extras && forward ? g.input("b", f32({weight[0]})) : Value{};
  const Value residual = extras ? in(g, t, "r", result) : Value{};
  return all_outputs(g.add(op, {x(g, t, std::move(rows)), in(g, t, "w", weight), bias, residual,
                                in(g, t, "down", {rank, weight[1]}), in(g, t, "up", {weight[0], rank})}));
}

}  // namespace

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> cases = {
      {"reshape",
       [](Graph& g, DType t) {
         return reshape(x(g, t, {2, 3, 4}), {6, 4});
       }},
      {"cast",
       [](Graph& g, DType t) {
         return cast(x(g, t, {5, 3}), DType::f32);
       }},
      {"concat last axis",
       [](Graph& g, DType t) {
         return concat({x(g, t, {2, 3, 4}), in(g, t, "y", {2, 3, 5}), in(g, t, "z", {2, 3, 1})}, -1);
       }},
      {"concat first axis",
       [](Graph& g, DType t) {
         return concat({x(g, t, {2, 3}), in(g, t, "y", {4, 3})}, 0);
       }},
      {"slice last axis",
       [](Graph& g, DType t) {
         return slice(x(g, t, {3, 2, 7}), -1, 2, 6);
       }},
      {"slice first axis",
       [](Graph& g, DType t) {
         return slice(x(g, t, {5, 3}), 0, 1, 4);
       }},
      {"slice from the start",
       [](Graph& g, DType t) {
         return slice(x(g, t, {2, 5, 3}), 1, 0, 2);
       }},
      {"fill",
       [](Graph& g, DType t) {
         return add(x(g, t, {3, 2}), fill(g, {{2}, t}, 0.5));
       }},
      {"expand per image and channel",
       [](Graph& g, DType t) {
         return expand(x(g, t, {2, 1, 1, 3}), {2, 4, 5, 3});
       }},
      {"expand scalar",
       [](Graph& g, DType t) {
         return expand(x(g, t, {}), {3, 5});
       }},
      {"sum_to channels",
       [](Graph& g, DType t) {
         return sum_to(x(g, t, {2, 3, 5}), {5});
       }},
      {"sum_to images",
       [](Graph& g, DType t) {
         return sum_to(x(g, t, {3, 4, 5}), {3, 1, 1});
       }},
      {"sum_to image and channel",
       [](Graph& g, DType t) {
         return sum_to(x(g, t, {3, 4, 2, 5}), {3, 1, 1, 5});
       }},
      {"add",
       [](Graph& g, DType t) {
         return add(x(g, t, {3, 7}), in(g, t, "y", {3, 7}));
       }},
      {"add per channel",
       [](Graph& g, DType t) {
         return add(x(g, t, {3, 2, 7}), in(g, t, "y", {7}));
       }},
      {"add per image and channel",
       [](Graph& g, DType t) {
         return add(x(g, t, {3, 4, 5, 7}), in(g, t, "y", {3, 1, 1, 7}));
       }},
      {"add positions",
       [](Graph& g, DType t) {
         return add(x(g, t, {3, 4, 7}), in(g, t, "y", {4, 7}));
       }},
      {"mul",
       [](Graph& g, DType t) {
         return mul(x(g, t, {3, 7}), in(g, t, "y", {3, 7}));
       }},
      {"mul per image",
       [](Graph& g, DType t) {
         return mul(x(g, t, {3, 4, 5, 2}), in(g, t, "y", {3, 1, 1, 1}));
       }},
      {"mul scalar",
       [](Graph& g, DType t) {
         return mul(x(g, t, {3, 4}), in(g, t, "y", {}));
       }},
      {"scale",
       [](Graph& g, DType t) {
         return scale(x(g, t, {3, 5}), -1.75);
       }},
      {"silu",
       [](Graph& g, DType t) {
         return silu(x(g, t, {3, 33}));
       }},
      {"gelu",
       [](Graph& g, DType t) {
         return gelu(x(g, t, {3, 33}));
       }},
      {"quick_gelu",
       [](Graph& g, DType t) {
         return quick_gelu(x(g, t, {3, 33}));
       }},
      {"geglu",
       [](Graph& g, DType t) {
         return geglu(x(g, t, {2, 3, 38}));
       }},
      {"dropout of elements",
       [](Graph& g, DType t) {
         return dropout(x(g, t, {3, 7, 5}), g.input("key", {{4}, DType::i32}), {0.3, 1 / 0.7, {3, 7, 5}, 2});
       }},
      {"dropout per image and channel",
       [](Graph& g, DType t) {
         return dropout(x(g, t, {3, 4, 2, 6}), g.input("key", {{4}, DType::i32}), {0.5, 2, {3, 1, 1, 6}, 1});
       }},
      {"dropout of all or nothing",
       [](Graph& g, DType t) {
         return dropout(x(g, t, {3, 5}), g.input("key", {{4}, DType::i32}), {0.2, 1, {1, 1}, 0});
       }},
      {"linear",
       [](Graph& g, DType t) {
         return linear(x(g, t, {2, 5, 7}), in(g, t, "w", {3, 7}), g.input("b", f32({3})));
       }},
      {"linear without bias",
       [](Graph& g, DType t) {
         return linear(x(g, t, {17, 20}), in(g, t, "w", {33, 20}));
       }},
      {"linear_grad_w of a narrow gradient",
       [](Graph& g, DType t) { return g.add(linear_grad_w_op, {x(g, t, {2, 550, 70}), in(g, t, "z", {2, 550, 6})}); },
       false},
      {"linear_grad_w of a narrow input",
       [](Graph& g, DType t) { return g.add(linear_grad_w_op, {x(g, t, {62, 66}), in(g, t, "z", {62, 150})}); },
       false},
      {"linear residual",
       [](Graph& g, DType t) {
         return g.add(linear_op,
                      {x(g, t, {5, 7}), in(g, t, "w", {3, 7}), g.input("b", f32({3})), in(g, t, "r", {5, 3})});
       }},
      {"lora_linear",
       [](Graph& g, DType t) { return with_lora(g, t, lora_linear_op, {2, 5, 6}, {35, 6}, 4, true); }, false},
      {"lora_linear of several panels, blocks of rows and parts of the depth",
       [](Graph& g, DType t) { return with_lora(g, t, lora_linear_op, {541, 646}, {150, 646}, 70, false); }, false},
      {"lora_linear of odd sizes",
       [](Graph& g, DType t) { return with_lora(g, t, lora_linear_op, {7, 5}, {3, 5}, 3, true); }, false},
      {"lora_linear_grad_x",
       [](Graph& g, DType t) { return with_lora(g, t, lora_linear_grad_x_op, {2, 5, 36}, {36, 7}, 4, true); }, false},
      {"lora_linear_grad_x of several panels, blocks of rows and parts of the depth",
       [](Graph& g, DType t) { return with_lora(g, t, lora_linear_grad_x_op, {541, 646}, {646, 150}, 70, false); },
       false},
      {"lora_linear_grad_x of odd sizes",
       [](Graph& g, DType t) { return with_lora(g, t, lora_linear_grad_x_op, {7, 5}, {5, 3}, 3, true); }, false},
      {"conv2d 3x3",
       [](Graph& g, DType t) {
         return conv2d(x(g, t, {2, 5, 6, 3}), in(g, t, "w", {4, 3, 3, 3}), g.input("b", f32({4})),
                       Conv2dGeometry::same(3));
       }},
      {"conv2d stride 2",
       [](Graph& g, DType t) {
         return conv2d(x(g, t, {1, 7, 6, 3}), in(g, t, "w", {2, 3, 3, 3}), {}, Conv2dGeometry::same(3, 2));
       }},
      {"conv2d padded right and below",
       [](Graph& g, DType t) {
         return conv2d(x(g, t, {1, 6, 8, 2}), in(g, t, "w", {3, 2, 3, 3}), g.input("b", f32({3})), {2, 0, 0, 1, 1});
       }},
      {"conv2d 1x1",
       [](Graph& g, DType t) {
         return conv2d(x(g, t, {2, 3, 4, 5}), in(g, t, "w", {7, 5, 1, 1}), {}, {});
       }},
      {"conv2d residual",
       [](Graph& g, DType t) {
         return g.add(
             conv2d_op,
             {x(g, t, {2, 4, 3, 5}), in(g, t, "w", {2, 5, 3, 3}), g.input("b", f32({2})), in(g, t, "r", {2, 4, 3, 2})},
             Conv2dGeometry::same(3).attributes());
       }},
      {"group_norm",
       [](Graph& g, DType t) {
         return group_norm(x(g, t, {2, 3, 4, 6}), g.input("g", f32({6})), g.input("b", f32({6})), 3, 1e-5);
       }},
      {"group_norm with silu",
       [](Graph& g, DType t) {
         return group_norm(x(g, t, {2, 5, 3, 20}), g.input("g", f32({20})), g.input("b", f32({20})), 4, 1e-5, "silu");
       }},
      {"layer_norm",
       [](Graph& g, DType t) {
         return layer_norm(x(g, t, {2, 3, 11}), g.input("g", f32({11})), g.input("b", f32({11})), 1e-5);
       }},
      {"attention",
       [](Graph& g, DType t) {
         return scaled_dot_product_attention(x(g, t, {2, 5, 12}), in(g, t, "k", {2, 7, 12}), in(g, t, "v", {2, 7, 12}),
                                             3);
       }},
      {"attention causal",
       [](Graph& g, DType t) {
         return scaled_dot_product_attention(x(g, t, {1, 9, 16}), in(g, t, "k", {1, 9, 16}), in(g, t, "v", {1, 9, 16}),
                                             2, true);
       }},
      {"upsample_nearest",
       [](Graph& g, DType t) {
         return upsample_nearest(x(g, t, {2, 3, 4, 5}), 6, 8);
       }},
      {"upsample_nearest to odd size",
       [](Graph& g, DType t) {
         return upsample_nearest(x(g, t, {1, 3, 4, 2}), 5, 7);
       }},
      {"embedding",
       [](Graph& g, DType t) {
         return embedding(x(g, t, {11, 5}), g.input("ids", {{2, 3}, DType::i32}));
       }},
      {"first_match",
       [](Graph& g, DType) {
         return first_match(g.input("ids", {{3, 4}, DType::i32}), 2);
       },
       false},
      {"timestep_embedding", [](Graph& g, DType) { return timestep_embedding(x(g, DType::f32, {3}), 10); }, false},
      {"mse_loss",
       [](Graph& g, DType) {
         return mse_loss(x(g, DType::f32, {3, 2, 5}), in(g, DType::f32, "y", {3, 2, 5}));
       }},
      {"abs",
       [](Graph& g, DType) {
         return abs(x(g, DType::f32, {3, 5}));
       }},
      {"sub with a broadcast",
       [](Graph& g, DType t) {
         return sub(x(g, t, {3, 5}), in(g, t, "y", {5}));
       }},
      {"div",
       [](Graph& g, DType t) {
         return div(x(g, t, {3, 5}), add(abs_of_f32(g, t, "y", {3, 5}), fill(g, {{}, t}, 0.5)));
       }},
      // f32 alone: the gradient of the number is a sum that cancels, so half types keep few of its digits.
      {"div by a number",
       [](Graph& g, DType) {
         return div(x(g, DType::f32, {3, 5}), abs(state(g, "y", {})) + fill(g, f32({}), 0.5));
       }},
      {"sqrt",
       [](Graph& g, DType) {
         return sqrt(abs(x(g, DType::f32, {3, 5})) + fill(g, f32({}), 0.5));
       }},
      {"pow",
       [](Graph& g, DType) {
         return pow(abs(x(g, DType::f32, {3, 5})) + fill(g, f32({}), 0.5), state(g, "y"));
       },
       false},
      {"pow of a number",
       [](Graph& g, DType) {
         return pow(abs(x(g, DType::f32, {3, 5})), fill(g, f32({}), 1.5));
       },
       false},
      {"greater",
       [](Graph& g, DType) {
         return greater(x(g, DType::f32, {3, 5}), state(g, "y"));
       },
       false},
      {"where with one condition",
       [](Graph& g, DType) {
         return where(number(g, 0), x(g, DType::f32, {3, 5}), in(g, DType::f32, "y", {3, 5}));
       }},
      {"where by a comparison",
       [](Graph& g, DType) {
         const Value a = x(g, DType::f32, {3, 5});
         return where(greater(scale(a, 3), fill(g, f32({}), 0.5)), a * a, in(g, DType::f32, "y", {}));
       }},
      {"smooth_l1",
       [](Graph& g, DType) {
         return smooth_l1(x(g, DType::f32, {2, 3, 5}), concat({fill(g, f32({1}), 0.1), fill(g, f32({1}), 0.7)}, 0));
       }},
      {"mean",
       [](Graph& g, DType t) {
         return mean(x(g, t, {3, 5}));
       }},
      {"accumulate",
       [](Graph& g, DType) {
         return accumulate(x(g, DType::f32, {3, 5}), in(g, DType::f32, "y", {3, 5}), fill(g, f32({}), 1.0));
       },
       false},
      {"accumulate drops the old sum",
       [](Graph& g, DType) {
         return accumulate(x(g, DType::f32, {3, 5}), in(g, DType::f32, "y", {3, 5}), fill(g, f32({}), 0.0));
       },
       false},
      {"grad_norm",
       [](Graph& g, DType t) {
         return grad_norm({x(g, t, {3, 5}), in(g, t, "y", {7})});
       },
       false},
      {"clip_factor",
       [](Graph& g, DType t) {
         return clip_factor(grad_norm({x(g, t, {3, 5})}), 0.5);
       },
       false},
      {"adamw weight",
       [](Graph& g, DType) {
         return g.add(adamw_op,
                      {x(g, DType::f32, {3, 5}), g.input("m", f32({3, 5})), fill(g, f32({3, 5}), 0.3),
                       g.input("g", f32({3, 5})), fill(g, f32({}), 0.5), fill(g, f32({}), 1e-2), fill(g, f32({}), 3.0)},
                      {{"beta1", 0.9}, {"beta2", 0.999}, {"eps", 1e-8}, {"weight_decay", 0.01}});
       },
       false},
      {"adamw second moment",
       [](Graph& g, DType) {
         return second(
             g.add(adamw_op,
                   {x(g, DType::f32, {3, 5}), g.input("m", f32({3, 5})), fill(g, f32({3, 5}), 0.3),
                    g.input("g", f32({3, 5})), fill(g, f32({}), 0.5), fill(g, f32({}), 1e-2), fill(g, f32({}), 3.0)},
                   {{"beta1", 0.9}, {"beta2", 0.999}, {"eps", 1e-8}, {"weight_decay", 0.01}}),
             2);
       },
       false},
      {"lion",
       [](Graph& g, DType) {
         return all_outputs(g.add(lion_op, {state(g, "x"), state(g, "m"), state(g, "g"), number(g, 0.5), number(g, 0.1)},
                                  {{"beta1", 0.9}, {"beta2", 0.99}, {"weight_decay", 0.01}}));
       },
       false},
      {"sgd_nesterov",
       [](Graph& g, DType) {
         return all_outputs(g.add(sgd_nesterov_op,
                                  {state(g, "x"), state(g, "m"), state(g, "g"), number(g, 0.5), number(g, 0.1)},
                                  {{"momentum", 0.9}, {"weight_decay", 0.01}}));
       },
       false},
      {"adafactor_factored",
       [](Graph& g, DType) {
         return all_outputs(g.add(adafactor_factored_op,
                                  {square(g, {2, 3}), square(g, {2, 5}), state(g, "g", {2, 3, 5}), number(g, 0.5),
                                   number(g, 3)},
                                  {{"decay_rate", -0.8}, {"eps", 1e-30}}));
       },
       false},
      {"adafactor_unfactored",
       [](Graph& g, DType) {
         return all_outputs(g.add(adafactor_unfactored_op,
                                  {square(g), state(g, "g"), number(g, 0.5), number(g, 3)},
                                  {{"decay_rate", -0.8}, {"eps", 1e-30}}));
       },
       false},
      {"adafactor_step",
       [](Graph& g, DType) {
         return all_outputs(g.add(adafactor_step_op, {state(g, "x"), state(g, "u"), number(g, 0.1), number(g, 3)},
                                  {{"beta1", -1.0},
                                   {"clip_threshold", 0.5},
                                   {"eps", 1e-3},
                                   {"relative_step", int64_t{1}},
                                   {"scale_parameter", int64_t{1}},
                                   {"warmup_init", int64_t{0}},
                                   {"weight_decay", 0.01}}));
       },
       false},
      {"adafactor_step with a first moment and the given rate",
       [](Graph& g, DType) {
         return all_outputs(
             g.add(adafactor_step_op, {state(g, "x"), state(g, "u"), number(g, 0.1), number(g, 3), state(g, "m")},
                   {{"beta1", 0.9},
                    {"clip_threshold", 100.0},
                    {"eps", 1e-3},
                    {"relative_step", int64_t{0}},
                    {"scale_parameter", int64_t{0}},
                    {"warmup_init", int64_t{0}},
                    {"weight_decay", 0.01}}));
       },
       false},
      {"first_value in the first step",
       [](Graph& g, DType) {
         return all_outputs(
             g.add(first_value_op, {state(g, "p", {8}), state(g, "x"), number(g, 1)}, {{"stride", int64_t{2}}}));
       },
       false},
      {"first_value later",
       [](Graph& g, DType) {
         return all_outputs(
             g.add(first_value_op, {state(g, "p", {8}), state(g, "x"), number(g, 2)}, {{"stride", int64_t{2}}}));
       },
       false},
      {"adapted_rate",
       [](Graph& g, DType) {
         return all_outputs(
             g.add(adapted_rate_op, {number(g, 0), number(g, 2), number(g, 0.5), number(g, 0.25)},
                   {{"d0", 1e-6}, {"use_bias_correction", int64_t{1}}, {"beta1", 0.9}, {"beta2", 0.99}}));
       },
       false},
      {"prodigy_moments",
       [](Graph& g, DType) {
         return all_outputs(g.add(prodigy_moments_op,
                                  {state(g, "m"), square(g), state(g, "s", {8}), state(g, "p", {8}), state(g, "x"),
                                   state(g, "g"), number(g, 0.5), number(g, 1), number(g, 0.5), number(g, 0.25)},
                                  {{"beta1", 0.9},
                                   {"beta2", 0.99},
                                   {"beta3", 0.995},
                                   {"d0", 0.1},
                                   {"safeguard_warmup", int64_t{0}},
                                   {"slice_p", int64_t{2}},
                                   {"weight_decay", 0.01}}));
       },
       false},
      {"prodigy_distance",
       [](Graph& g, DType) {
         return all_outputs(g.add(prodigy_distance_op,
                                  {number(g, 0.1), number(g, 0), number(g, 0.3), number(g, 4), number(g, 1),
                                   fill(g, f32({2}), 0.7), fill(g, f32({2}), 0.2)},
                                  {{"beta3", 0.9}, {"d0", 0.1}, {"d_coef", 2.0}, {"growth_rate", 1.5}}));
       },
       false},
      {"prodigy_step",
       [](Graph& g, DType) {
         return all_outputs(g.add(prodigy_step_op,
                                  {state(g, "x"), state(g, "m"), square(g), number(g, 0.5), number(g, 0.25),
                                   number(g, 1), number(g, 0.5)},
                                  {{"eps", 1e-3}, {"weight_decay", 0.01}}));
       },
       false},
      {"dadapt_distance",
       [](Graph& g, DType) {
         return all_outputs(g.add(dadapt_distance_op,
                                  {number(g, 0.01), number(g, 0.3), number(g, 4), number(g, 0.2), number(g, 1),
                                   fill(g, f32({3}), 0.7), fill(g, f32({3}), 0.2)},
                                  {{"keep", 0.9},
                                   {"gain", 0.1},
                                   {"power", 2.0},
                                   {"from_b", 3.0},
                                   {"from_weighted", -1.0},
                                   {"root", int64_t{0}},
                                   {"growth_rate", 1e9}}));
       },
       false},
      {"dadapt_distance over a root",
       [](Graph& g, DType) {
         return all_outputs(g.add(dadapt_distance_op,
                                  {number(g, 0.01), number(g, 0.3), number(g, 4), number(g, 0.2), number(g, 1),
                                   fill(g, f32({3}), 0.7), fill(g, f32({3}), 0.2)},
                                  {{"keep", 1.0},
                                   {"gain", 1.0},
                                   {"power", 0.0},
                                   {"from_b", 0.0},
                                   {"from_weighted", 2.0},
                                   {"root", int64_t{1}},
                                   {"growth_rate", 1e9}}));
       },
       false},
      {"dadapt_adam_moments",
       [](Graph& g, DType) {
         return all_outputs(g.add(dadapt_adam_moments_op,
                                  {state(g, "m"), square(g), state(g, "s"), state(g, "x"), state(g, "g"),
                                   number(g, 0.5), number(g, 0.5), number(g, 0.25), number(g, 1)},
                                  {{"beta1", 0.9},
                                   {"beta2", 0.99},
                                   {"beta_s", 0.995},
                                   {"difference", 0.0},
                                   {"eps", 1e-3},
                                   {"from_products", int64_t{1}},
                                   {"weight_decay", 0.01}}));
       },
       false},
      {"dadapt_adam_moments of Adan",
       [](Graph& g, DType) {
         return all_outputs(g.add(dadapt_adam_moments_op,
                                  {state(g, "m"), square(g), state(g, "s"), state(g, "x"), state(g, "g"),
                                   number(g, 0.5), number(g, 1), number(g, 0.25), number(g, 1), state(g, "previous"),
                                   number(g, 1)},
                                  {{"beta1", 0.98},
                                   {"beta2", 0.99},
                                   {"beta_s", 0.99},
                                   {"difference", 0.92},
                                   {"eps", 1e-3},
                                   {"from_products", int64_t{0}},
                                   {"weight_decay", 0.0}}));
       },
       false},
      {"dadapt_adam_step",
       [](Graph& g, DType) {
         return g.add(
             dadapt_adam_step_op,
             {state(g, "x"), state(g, "m"), square(g), number(g, 0.5), number(g, 0.25), number(g, 1)},
             {{"difference", 0.0}, {"eps", 1e-3}, {"proximal", int64_t{0}}, {"weight_decay", 0.01}});
       },
       false},
      {"dadapt_adam_step of Adan",
       [](Graph& g, DType) {
         return g.add(dadapt_adam_step_op,
                      {state(g, "x"), state(g, "m"), square(g), number(g, 0.5), number(g, 0.25), number(g, 1),
                       state(g, "average")},
                      {{"difference", 0.92}, {"eps", 1e-3}, {"proximal", int64_t{1}}, {"weight_decay", 0.01}});
       },
       false},
      {"dadapt_adan_difference",
       [](Graph& g, DType) {
         return all_outputs(g.add(dadapt_adan_difference_op,
                                  {state(g, "average"), state(g, "previous"), state(g, "g"), number(g, 0.5),
                                   number(g, 0.5), number(g, 0.25), number(g, 1), number(g, 1)},
                                  {{"beta", 0.92}}));
       },
       false},
      {"dadapt_lion",
       [](Graph& g, DType) {
         return all_outputs(g.add(dadapt_lion_op,
                                  {state(g, "x"), state(g, "m"), state(g, "s"), state(g, "g"), number(g, 0.5),
                                   number(g, 0.5), number(g, 0.25), number(g, 1)},
                                  {{"beta1", 0.9}, {"beta2", 0.99}, {"weight_decay", 0.01}}));
       },
       false},
      {"dadapt_sgd_rate in the first step",
       [](Graph& g, DType) {
         return all_outputs(g.add(dadapt_sgd_rate_op,
                                  {number(g, 0), number(g, 0), number(g, 0.25), number(g, 0.5), state(g, "g"),
                                   number(g, 0.5), state(g, "g without a rate"), number(g, 0)}));
       },
       false},
      {"dadapt_sgd_rate later",
       [](Graph& g, DType) {
         return all_outputs(g.add(dadapt_sgd_rate_op, {number(g, 0.7), number(g, 3), number(g, 0.25), number(g, 0.5),
                                                       state(g, "g"), number(g, 0.5)}));
       },
       false},
      {"dadapt_sgd",
       [](Graph& g, DType) {
         return all_outputs(g.add(dadapt_sgd_op,
                                  {state(g, "x"), state(g, "s"), state(g, "x0", {15}), state(g, "g"), number(g, 0.5),
                                   number(g, 0.5), number(g, 0.25), number(g, 1)},
                                  {{"momentum", 0.9}, {"weight_decay", 0.01}}));
       },
       false},
      {"dadapt_adagrad",
       [](Graph& g, DType) {
         return all_outputs(g.add(dadapt_adagrad_op,
                                  {state(g, "x"), state(g, "s"), square(g), state(g, "x0", {15}), state(g, "g"),
                                   number(g, 0.5), number(g, 0.5), number(g, 0.25), number(g, 1)},
                                  {{"eps", 1e-3}, {"momentum", 0.9}, {"weight_decay", 0.01}}));
       },
       false},
      {"schedule_free_weight while warming up",
       [](Graph& g, DType) {
         return all_outputs(
             g.add(schedule_free_weight_op, {number(g, 0.01), number(g, 0.2), number(g, 0.5), number(g, 2)},
                   {{"beta2", 0.99},
                    {"early_factor", 1.0},
                    {"r", 0.5},
                    {"rectify", int64_t{0}},
                    {"warmup_steps", 3.0},
                    {"weight_lr_power", 2.0}}));
       },
       false},
      {"schedule_free_weight rectified",
       [](Graph& g, DType) {
         return all_outputs(
             g.add(schedule_free_weight_op, {number(g, 0.01), number(g, 0.2), number(g, 0.5), number(g, 9)},
                   {{"beta2", 0.99},
                    {"early_factor", 0.0},
                    {"r", 0.0},
                    {"rectify", int64_t{1}},
                    {"warmup_steps", 0.0},
                    {"weight_lr_power", 2.0}}));
       },
       false},
      {"adamw_schedule_free",
       [](Graph& g, DType) {
         return all_outputs(g.add(adamw_schedule_free_op,
                                  {state(g, "x"), state(g, "z"), square(g), state(g, "g"), number(g, 0.5),
                                   number(g, 0.1), number(g, 0.25), number(g, 3)},
                                  {{"beta1", 0.9},
                                   {"beta2", 0.99},
                                   {"eps", 1e-8},
                                   {"rectify", int64_t{0}},
                                   {"weight_decay", 0.01}}));
       },
       false},
      {"adamw_schedule_free in RAdam's first steps",
       [](Graph& g, DType) {
         return all_outputs(g.add(adamw_schedule_free_op,
                                  {state(g, "x"), state(g, "z"), square(g), state(g, "g"), number(g, 0.5),
                                   number(g, 0.1), number(g, 0.25), number(g, 3)},
                                  {{"beta1", 0.9},
                                   {"beta2", 0.99},
                                   {"eps", 1e-8},
                                   {"rectify", int64_t{1}},
                                   {"weight_decay", 0.01}}));
       },
       false},
      {"sgd_schedule_free",
       [](Graph& g, DType) {
         return all_outputs(g.add(
             sgd_schedule_free_op,
             {state(g, "x"), state(g, "z"), state(g, "g"), number(g, 0.5), number(g, 0.1), number(g, 0.25)},
             {{"momentum", 0.9}, {"weight_decay", 0.01}}));
       },
       false},
      {"limit_norm above the limit",
       [](Graph& g, DType) {
         return all_outputs(g.add(limit_norm_op, {state(g, "down", {3, 10}), state(g, "up", {7, 3, 1, 1})},
                                  {{"limit", 0.5}, {"scale", 0.5}}));
       },
       false},
      {"limit_norm below the limit",
       [](Graph& g, DType) {
         return all_outputs(g.add(limit_norm_op, {state(g, "down", {3, 2, 3, 3}), state(g, "up", {7, 3})},
                                  {{"limit", 1e6}, {"scale", 0.5}}));
       },
       false},
      {"norm_statistics",
       [](Graph& g, DType) {
         return all_outputs(
             g.add(norm_statistics_op, {number(g, 0.25), number(g, 2), number(g, 0.75)}, {{"limit", 1.0}}));
       },
       false},
  };
  return cases;
}
