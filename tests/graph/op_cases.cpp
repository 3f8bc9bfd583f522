#include "graph/op_cases.h"

using namespace rankine;

namespace {

Type f32(Shape shape) { return {std::move(shape), DType::f32}; }
Value x(Graph& g, Shape shape) { return g.input("x", f32(std::move(shape))); }
Value second(Value v, int output) { return {&v.node(), output}; }

}  // namespace

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> cases = {
      {"reshape",
       [](Graph& g) {
         return reshape(x(g, {2, 3, 4}), {6, 4});
       }},
      {"cast",
       [](Graph& g) {
         return cast(cast(x(g, {5, 3}), DType::f64), DType::f32);
       }},
      {"concat last axis",
       [](Graph& g) {
         return concat({x(g, {2, 3, 4}), g.input("y", f32({2, 3, 5})), g.input("z", f32({2, 3, 1}))}, -1);
       }},
      {"concat first axis",
       [](Graph& g) {
         return concat({x(g, {2, 3}), g.input("y", f32({4, 3}))}, 0);
       }},
      {"slice last axis",
       [](Graph& g) {
         return slice(x(g, {3, 2, 7}), -1, 2, 6);
       }},
      {"slice first axis",
       [](Graph& g) {
         return slice(x(g, {5, 3}), 0, 1, 4);
       }},
      {"slice from the start",
       [](Graph& g) {
         return slice(x(g, {2, 5, 3}), 1, 0, 2);
       }},
      {"fill",
       [](Graph& g) {
         return add(x(g, {3, 2}), fill(g, f32({2}), 0.5));
       }},
      {"expand per image and channel",
       [](Graph& g) {
         return expand(x(g, {2, 1, 1, 3}), {2, 4, 5, 3});
       }},
      {"expand scalar",
       [](Graph& g) {
         return expand(x(g, {}), {3, 5});
       }},
      {"sum_to channels",
       [](Graph& g) {
         return sum_to(x(g, {2, 3, 5}), {5});
       }},
      {"sum_to images",
       [](Graph& g) {
         return sum_to(x(g, {3, 4, 5}), {3, 1, 1});
       }},
      {"sum_to image and channel",
       [](Graph& g) {
         return sum_to(x(g, {3, 4, 2, 5}), {3, 1, 1, 5});
       }},
      {"add",
       [](Graph& g) {
         return add(x(g, {3, 7}), g.input("y", f32({3, 7})));
       }},
      {"add per channel",
       [](Graph& g) {
         return add(x(g, {3, 2, 7}), g.input("y", f32({7})));
       }},
      {"add per image and channel",
       [](Graph& g) {
         return add(x(g, {3, 4, 5, 7}), g.input("y", f32({3, 1, 1, 7})));
       }},
      {"add positions",
       [](Graph& g) {
         return add(x(g, {3, 4, 7}), g.input("y", f32({4, 7})));
       }},
      {"mul",
       [](Graph& g) {
         return mul(x(g, {3, 7}), g.input("y", f32({3, 7})));
       }},
      {"mul per image",
       [](Graph& g) {
         return mul(x(g, {3, 4, 5, 2}), g.input("y", f32({3, 1, 1, 1})));
       }},
      {"mul scalar",
       [](Graph& g) {
         return mul(x(g, {3, 4}), g.input("y", f32({})));
       }},
      {"scale",
       [](Graph& g) {
         return scale(x(g, {3, 5}), -1.75);
       }},
      {"silu",
       [](Graph& g) {
         return silu(x(g, {3, 33}));
       }},
      {"gelu",
       [](Graph& g) {
         return gelu(x(g, {3, 33}));
       }},
      {"quick_gelu",
       [](Graph& g) {
         return quick_gelu(x(g, {3, 33}));
       }},
      {"geglu",
       [](Graph& g) {
         return geglu(x(g, {2, 3, 38}));
       }},
      {"linear",
       [](Graph& g) {
         return linear(x(g, {2, 5, 7}), g.input("w", f32({3, 7})), g.input("b", f32({3})));
       }},
      {"linear without bias",
       [](Graph& g) {
         return linear(x(g, {17, 20}), g.input("w", f32({33, 20})));
       }},
      {"linear residual",
       [](Graph& g) {
         return g.add(linear_op,
                      {x(g, {5, 7}), g.input("w", f32({3, 7})), g.input("b", f32({3})), g.input("r", f32({5, 3}))});
       }},
      {"conv2d 3x3",
       [](Graph& g) {
         return conv2d(x(g, {2, 5, 6, 3}), g.input("w", f32({4, 3, 3, 3})), g.input("b", f32({4})),
                       Conv2dGeometry::same(3));
       }},
      {"conv2d stride 2",
       [](Graph& g) {
         return conv2d(x(g, {1, 7, 6, 3}), g.input("w", f32({2, 3, 3, 3})), {}, Conv2dGeometry::same(3, 2));
       }},
      {"conv2d padded right and below",
       [](Graph& g) {
         return conv2d(x(g, {1, 6, 8, 2}), g.input("w", f32({3, 2, 3, 3})), g.input("b", f32({3})), {2, 0, 0, 1, 1});
       }},
      {"conv2d 1x1",
       [](Graph& g) {
         return conv2d(x(g, {2, 3, 4, 5}), g.input("w", f32({7, 5, 1, 1})), {}, {});
       }},
      {"conv2d residual",
       [](Graph& g) {
         return g.add(conv2d_op,
                      {x(g, {2, 4, 3, 5}), g.input("w", f32({2, 5, 3, 3})), g.input("b", f32({2})),
                       g.input("r", f32({2, 4, 3, 2}))},
                      Conv2dGeometry::same(3).attributes());
       }},
      {"group_norm",
       [](Graph& g) {
         return group_norm(x(g, {2, 3, 4, 6}), g.input("g", f32({6})), g.input("b", f32({6})), 3, 1e-5);
       }},
      {"group_norm with silu",
       [](Graph& g) {
         return group_norm(x(g, {2, 5, 3, 20}), g.input("g", f32({20})), g.input("b", f32({20})), 4, 1e-5, "silu");
       }},
      {"layer_norm",
       [](Graph& g) {
         return layer_norm(x(g, {2, 3, 11}), g.input("g", f32({11})), g.input("b", f32({11})), 1e-5);
       }},
      {"attention",
       [](Graph& g) {
         return scaled_dot_product_attention(x(g, {2, 5, 12}), g.input("k", f32({2, 7, 12})),
                                             g.input("v", f32({2, 7, 12})), 3);
       }},
      {"attention causal",
       [](Graph& g) {
         return scaled_dot_product_attention(x(g, {1, 9, 16}), g.input("k", f32({1, 9, 16})),
                                             g.input("v", f32({1, 9, 16})), 2, true);
       }},
      {"upsample_nearest",
       [](Graph& g) {
         return upsample_nearest(x(g, {2, 3, 4, 5}), 6, 8);
       }},
      {"upsample_nearest to odd size",
       [](Graph& g) {
         return upsample_nearest(x(g, {1, 3, 4, 2}), 5, 7);
       }},
      {"embedding",
       [](Graph& g) {
         return embedding(x(g, {11, 5}), g.input("ids", {{2, 3}, DType::i32}));
       }},
      {"timestep_embedding", [](Graph& g) { return timestep_embedding(x(g, {3}), 10); }, false},
      {"mse_loss",
       [](Graph& g) {
         return mse_loss(x(g, {3, 2, 5}), g.input("y", f32({3, 2, 5})));
       }},
      {"mean",
       [](Graph& g) {
         return mean(x(g, {3, 5}));
       }},
      {"accumulate",
       [](Graph& g) {
         return accumulate(x(g, {3, 5}), g.input("y", f32({3, 5})), fill(g, f32({}), 1.0));
       },
       false},
      {"accumulate drops the old sum",
       [](Graph& g) {
         return accumulate(x(g, {3, 5}), g.input("y", f32({3, 5})), fill(g, f32({}), 0.0));
       },
       false},
      {"grad_norm",
       [](Graph& g) {
         return grad_norm({x(g, {3, 5}), g.input("y", f32({7}))});
       },
       false},
      {"clip_factor",
       [](Graph& g) {
         return clip_factor(grad_norm({x(g, {3, 5})}), 0.5);
       },
       false},
      {"adamw weight",
       [](Graph& g) {
         return g.add(adamw_op,
                      {x(g, {3, 5}), g.input("m", f32({3, 5})), fill(g, f32({3, 5}), 0.3), g.input("g", f32({3, 5})),
                       fill(g, f32({}), 0.5), fill(g, f32({}), 1e-2), fill(g, f32({}), 3.0)},
                      {{"beta1", 0.9}, {"beta2", 0.999}, {"eps", 1e-8}, {"weight_decay", 0.01}});
       },
       false},
      {"adamw second moment",
       [](Graph& g) {
         return second(
             g.add(adamw_op,
                   {x(g, {3, 5}), g.input("m", f32({3, 5})), fill(g, f32({3, 5}), 0.3), g.input("g", f32({3, 5})),
                    fill(g, f32({}), 0.5), fill(g, f32({}), 1e-2), fill(g, f32({}), 3.0)},
                   {{"beta1", 0.9}, {"beta2", 0.999}, {"eps", 1e-8}, {"weight_decay", 0.01}}),
             2);
       },
       false},
  };
  return cases;
}
