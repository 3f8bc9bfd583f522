#include "graph/ops/ops.h"

namespace rankine {
namespace {

/// Calls f(large pixel, small pixel) for every pixel of the large picture and the small pixel that it copies.
template <class F>
void for_each_pixel(const Shape& small, const Shape& large, F&& f) {
  for (int64_t n = 0; n < large[0]; ++n)
    for (int64_t h = 0; h < large[1]; ++h)
      for (int64_t w = 0; w < large[2]; ++w)
        f((n * large[1] + h) * large[2] + w,
          (n * small[1] + h * small[1] / large[1]) * small[2] + w * small[2] / large[2]);
}

}  // namespace

constinit const OpDef upsample_nearest_op = {
    .name = "upsample_nearest",
    .infer = [](const Node& n) -> std::vector<Type> {
      Type y = n.input(0).type();
      check(y.shape.size() == 4, "a picture is [N, H, W, C], got ", y);
      y.shape[1] = n.attributes().integer("height");
      y.shape[2] = n.attributes().integer("width");
      return {y};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      const Value x = n.input(0);
      return {n.graph().add(upsample_nearest_grad_op, {dy[0]}, {{"height", x.dim(1)}, {"width", x.dim(2)}})};
    },
    .flops = [](const Node&) { return 0.0; },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const int64_t C = in[0].dim(3);
          for_each_pixel(in[0].shape(), out[0].shape(), [&](int64_t to, int64_t from) {
            for (int64_t c = 0; c < C; ++c) out[0][to * C + c] = in[0][from * C + c];
          });
        },
};

// dy: [N, H', W', C] -> dx: [N, height, width, C]
constinit const OpDef upsample_nearest_grad_op = {
    .name = "upsample_nearest_grad",
    .infer = [](const Node& n) -> std::vector<Type> {
      Type dx = n.input(0).type();
      dx.shape[1] = n.attributes().integer("height");
      dx.shape[2] = n.attributes().integer("width");
      return {dx};
    },
    .flops = [](const Node& n) { return static_cast<double>(n.input(0).type().count()); },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const int64_t C = in[0].dim(3);
          for_each_pixel(out[0].shape(), in[0].shape(), [&](int64_t from, int64_t to) {
            for (int64_t c = 0; c < C; ++c) out[0][to * C + c] += in[0][from * C + c];
          });
        },
};

Value upsample_nearest(Value x, int64_t height, int64_t width) {
  return x.graph().add(upsample_nearest_op, {x}, {{"height", height}, {"width", width}});
}

}  // namespace rankine
