#include "graph/ops/ops.h"
#include "graph/ops/shapes.h"

namespace rankine {

Conv2dGeometry Conv2dGeometry::of(const Attributes& a) {
  return {a.integer("stride"), a.integer("top"), a.integer("left"), a.integer("bottom"), a.integer("right")};
}

Attributes Conv2dGeometry::attributes() const {
  return {{"stride", stride}, {"top", top}, {"left", left}, {"bottom", bottom}, {"right", right}};
}

namespace {

/// Calls f(n, output pixel, input pixel, tap) for every combination that meets. Pixels and taps count within one image
/// and one kernel.
template <class F>
void for_each_tap(const Conv2dGeometry& g, const Shape& x, const Shape& y, int64_t kh, int64_t kw, int64_t n, F&& f) {
  for (int64_t oh = 0; oh < y[1]; ++oh)
    for (int64_t ow = 0; ow < y[2]; ++ow)
      for (int64_t i = 0; i < kh; ++i)
        for (int64_t j = 0; j < kw; ++j) {
          const int64_t h = oh * g.stride + i - g.top, w = ow * g.stride + j - g.left;
          if (h < 0 || h >= x[1] || w < 0 || w >= x[2]) continue;
          f((n * y[1] + oh) * y[2] + ow, (n * x[1] + h) * x[2] + w, i * kw + j);
        }
}

double conv_flops(const Type& y, const Type& w) {
  return 2.0 * static_cast<double>(y.count()) * static_cast<double>(w.count() / w.shape[0]);
}

}  // namespace

// x: [N, H, W, C], w: [O, C, kh, kw], bias: f32 [O], residual: like y -> y: [N, H', W', O]
constinit const OpDef conv2d_op = {
    .name = "conv2d",
    .infer = [](const Node& n) -> std::vector<Type> {
      const Type &x = n.input(0).type(), &w = n.input(1).type();
      check(x.shape.size() == 4 && w.shape.size() == 4 && x.shape[3] == w.shape[1] && x.dtype == w.dtype, "input ", x,
            " [N, H, W, C] does not fit weight ", w, " [O, C, kh, kw]");
      const Conv2dGeometry g = Conv2dGeometry::of(n.attributes());
      const Type y{
          {x.shape[0], g.output_height(x.shape[1], w.shape[2]), g.output_width(x.shape[2], w.shape[3]), w.shape[0]},
          x.dtype};
      check(y.shape[1] > 0 && y.shape[2] > 0, "the picture ", x, " is smaller than the kernel ", w);
      if (n.input(2))
        check(n.input(2).type() == Type{{w.shape[0]}, DType::f32}, "bias is ", n.input(2).type(), " for weight ", w);
      if (n.input(linear_residual))
        check(n.input(linear_residual).type() == y, "residual ", n.input(linear_residual).type(), ", result ", y);
      return {y};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      const Value x = n.input(0), w = n.input(1), bias = n.input(2);
      Attributes of_x = n.attributes(), of_w = n.attributes();
      of_x.set("height", x.dim(1));
      of_x.set("width", x.dim(2));
      of_w.set("kernel_height", w.dim(2));
      of_w.set("kernel_width", w.dim(3));
      return {n.graph().add(conv2d_grad_x_op, {dy[0], w, {}}, of_x), n.graph().add(conv2d_grad_w_op, {x, dy[0]}, of_w),
              bias ? sum_to(dy[0], bias.shape()) : Value{}, dy[0]};
    },
    .flops = [](const Node& n) { return conv_flops(n.type(), n.input(1).type()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const HostTensor &x = in[0], &w = in[1], &bias = in[2], &residual = in[3];
          const Conv2dGeometry g = Conv2dGeometry::of(n.attributes());
          const int64_t C = w.dim(1), O = w.dim(0), taps = w.dim(2) * w.dim(3), pixels = out[0].dim(1) * out[0].dim(2);
          if (!residual.empty()) out[0] = residual;
#pragma omp parallel for collapse(2)
          for (int64_t image = 0; image < x.dim(0); ++image)
            for (int64_t o = 0; o < O; ++o) {
              if (!bias.empty())
                for (int64_t p = 0; p < pixels; ++p) out[0][(image * pixels + p) * O + o] += bias[o];
              for_each_tap(g, x.shape(), out[0].shape(), w.dim(2), w.dim(3), image,
                           [&](int64_t to, int64_t from, int64_t tap) {
                             double sum = 0;
                             for (int64_t c = 0; c < C; ++c) sum += x[from * C + c] * w[(o * C + c) * taps + tap];
                             out[0][to * O + o] += sum;
                           });
            }
        },
    .in_place = {linear_residual, -1, -1},
};

// dy: [N, H', W', O], w: [O, C, kh, kw], residual: like dx -> dx: [N, height, width, C]
constinit const OpDef conv2d_grad_x_op = {
    .name = "conv2d_grad_x",
    .infer = [](const Node& n) -> std::vector<Type> {
      const Type &dy = n.input(0).type(), &w = n.input(1).type();
      return {{{dy.shape[0], n.attributes().integer("height"), n.attributes().integer("width"), w.shape[1]}, dy.dtype}};
    },
    .flops = [](const Node& n) { return conv_flops(n.input(0).type(), n.input(1).type()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const HostTensor &dy = in[0], &w = in[1], &residual = in[2];
          const Conv2dGeometry g = Conv2dGeometry::of(n.attributes());
          const int64_t C = w.dim(1), O = w.dim(0), taps = w.dim(2) * w.dim(3);
          if (!residual.empty()) out[0] = residual;
#pragma omp parallel for collapse(2)
          for (int64_t image = 0; image < dy.dim(0); ++image)
            for (int64_t c = 0; c < C; ++c)
              for_each_tap(g, out[0].shape(), dy.shape(), w.dim(2), w.dim(3), image,
                           [&](int64_t to, int64_t from, int64_t tap) {
                             double sum = 0;
                             for (int64_t o = 0; o < O; ++o) sum += dy[to * O + o] * w[(o * C + c) * taps + tap];
                             out[0][from * C + c] += sum;
                           });
        },
    .in_place = {linear_grad_x_residual, -1, -1},
};

// x: [N, H, W, C], dy: [N, H', W', O] -> dw: f32 [O, C, kh, kw]
constinit const OpDef conv2d_grad_w_op = {
    .name = "conv2d_grad_w",
    .infer = [](const Node& n) -> std::vector<Type> {
      return {{{n.input(1).dim(3), n.input(0).dim(3), n.attributes().integer("kernel_height"),
                n.attributes().integer("kernel_width")},
               DType::f32}};
    },
    .flops = [](const Node& n) { return conv_flops(n.input(1).type(), n.type()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const HostTensor &x = in[0], &dy = in[1];
          const Conv2dGeometry g = Conv2dGeometry::of(n.attributes());
          const int64_t C = x.dim(3), O = dy.dim(3), kh = out[0].dim(2), kw = out[0].dim(3);
#pragma omp parallel for
          for (int64_t o = 0; o < O; ++o)
            for (int64_t image = 0; image < x.dim(0); ++image)
              for_each_tap(g, x.shape(), dy.shape(), kh, kw, image, [&](int64_t to, int64_t from, int64_t tap) {
                for (int64_t c = 0; c < C; ++c) out[0][(o * C + c) * kh * kw + tap] += dy[to * O + o] * x[from * C + c];
              });
        },
};

Value conv2d(Value x, Value w, Value bias, const Conv2dGeometry& geometry) {
  return x.graph().add(conv2d_op, {x, w, bias, {}}, geometry.attributes());
}

}  // namespace rankine
