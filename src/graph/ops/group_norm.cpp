#include <cmath>

#include "graph/ops/ops.h"
#include "graph/ops/shapes.h"

namespace rankine {
namespace {

/// The sizes of a group norm: x seen as [N, pixels, groups, channels per group].
struct Layout {
  int64_t images, pixels, groups, width;
  explicit Layout(const Node& n)
      : images(n.input(0).dim(0)),
        pixels(rows_of(n.input(0).shape()) / images),
        groups(n.attributes().integer("groups")),
        width(n.input(0).dim(-1) / groups) {}
  int64_t at(int64_t image, int64_t pixel, int64_t group, int64_t c) const {
    return ((image * pixels + pixel) * groups + group) * width + c;
  }
};

bool with_silu(const Node& n) { return n.attributes().text("activation") == "silu"; }
double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

/// The gradient before the activation, from the normalised and scaled value `z`.
double through_activation(bool silu, double z, double dy) {
  if (!silu) return dy;
  const double s = sigmoid(z);
  return dy * s * (1.0 + z * (1.0 - s));
}

}  // namespace

constinit const OpDef group_norm_op = {
    .name = "group_norm",
    .infer = [](const Node& n) -> std::vector<Type> {
      const Type& x = n.input(0).type();
      const int64_t groups = n.attributes().integer("groups");
      check(x.shape.size() >= 2 && x.shape.back() % groups == 0, x, " has no ", groups, " groups of channels");
      for (int i : {1, 2})
        check(n.input(i).type() == Type{{x.shape.back()}, DType::f32}, "gain and bias are f32[channels], got ",
              n.input(i).type(), " for ", x);
      const Type statistics{{x.shape[0], groups}, DType::f32};
      return {x, statistics, statistics};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      Node& self = const_cast<Node&>(n);
      const std::vector<Value> all = {n.input(0), n.input(1), n.input(2), self.output(1), self.output(2), dy[0]};
      const Value affine = n.graph().add(group_norm_grad_affine_op, all, n.attributes());
      return {n.graph().add(group_norm_grad_x_op, all, n.attributes()), affine, {&affine.node(), 1}};
    },
    .flops = [](const Node& n) { return 8.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const Layout l(n);
          const double eps = n.attributes().real("eps"), size = static_cast<double>(l.pixels * l.width);
          const bool silu = with_silu(n);
          for (int64_t i = 0; i < l.images; ++i)
            for (int64_t g = 0; g < l.groups; ++g) {
              double mean = 0, variance = 0;
              for (int64_t p = 0; p < l.pixels; ++p)
                for (int64_t c = 0; c < l.width; ++c) mean += in[0][l.at(i, p, g, c)] / size;
              for (int64_t p = 0; p < l.pixels; ++p)
                for (int64_t c = 0; c < l.width; ++c) {
                  const double d = in[0][l.at(i, p, g, c)] - mean;
                  variance += d * d / size;
                }
              const double rstd = 1.0 / std::sqrt(variance + eps);
              out[1][i * l.groups + g] = mean;
              out[2][i * l.groups + g] = rstd;
              for (int64_t p = 0; p < l.pixels; ++p)
                for (int64_t c = 0; c < l.width; ++c) {
                  const int64_t channel = g * l.width + c;
                  const double z = (in[0][l.at(i, p, g, c)] - mean) * rstd * in[1][channel] + in[2][channel];
                  out[0][l.at(i, p, g, c)] = silu ? z * sigmoid(z) : z;
                }
            }
        },
};

// [x, gain, bias, mean, rstd, dy] -> dx;  with h = (x - mean) rstd and q = dy gain (through the activation):
//   dx = rstd (q - mean(q) - h mean(q h)), means over the group
constinit const OpDef group_norm_grad_x_op = {
    .name = "group_norm_grad_x",
    .infer = [](const Node& n) -> std::vector<Type> { return {n.input(0).type()}; },
    .flops = [](const Node& n) { return 16.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const Layout l(n);
          const double size = static_cast<double>(l.pixels * l.width);
          const bool silu = with_silu(n);
          for (int64_t i = 0; i < l.images; ++i)
            for (int64_t g = 0; g < l.groups; ++g) {
              const double mean = in[3][i * l.groups + g], rstd = in[4][i * l.groups + g];
              const auto normalised = [&](int64_t p, int64_t c) { return (in[0][l.at(i, p, g, c)] - mean) * rstd; };
              const auto scaled = [&](int64_t p, int64_t c) {
                const int64_t channel = g * l.width + c;
                const double z = normalised(p, c) * in[1][channel] + in[2][channel];
                return through_activation(silu, z, in[5][l.at(i, p, g, c)]) * in[1][channel];
              };
              double mean_q = 0, mean_qh = 0;
              for (int64_t p = 0; p < l.pixels; ++p)
                for (int64_t c = 0; c < l.width; ++c) {
                  const double q = scaled(p, c);
                  mean_q += q / size;
                  mean_qh += q * normalised(p, c) / size;
                }
              for (int64_t p = 0; p < l.pixels; ++p)
                for (int64_t c = 0; c < l.width; ++c)
                  out[0][l.at(i, p, g, c)] = rstd * (scaled(p, c) - mean_q - normalised(p, c) * mean_qh);
            }
        },
    .in_place = {5, -1, -1},  // kernels read all of dy once before they write
};

// [x, gain, bias, mean, rstd, dy] -> dgain, dbias: f32 [C]
constinit const OpDef group_norm_grad_affine_op = {
    .name = "group_norm_grad_affine",
    .infer = [](const Node& n) -> std::vector<Type> {
      return {n.input(1).type(), n.input(2).type()};
    },
    .flops = [](const Node& n) { return 8.0 * static_cast<double>(n.input(0).type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const Layout l(n);
          const bool silu = with_silu(n);
          for (int64_t i = 0; i < l.images; ++i)
            for (int64_t p = 0; p < l.pixels; ++p)
              for (int64_t g = 0; g < l.groups; ++g)
                for (int64_t c = 0; c < l.width; ++c) {
                  const int64_t channel = g * l.width + c, at = l.at(i, p, g, c);
                  const double h = (in[0][at] - in[3][i * l.groups + g]) * in[4][i * l.groups + g];
                  const double dz = through_activation(silu, h * in[1][channel] + in[2][channel], in[5][at]);
                  out[0][channel] += dz * h;
                  out[1][channel] += dz;
                }
        },
};

Value group_norm(Value x, Value gain, Value bias, int64_t groups, double eps, const char* activation) {
  return x.graph().add(group_norm_op, {x, gain, bias},
                       {{"groups", groups}, {"eps", eps}, {"activation", std::string(activation)}});
}

}  // namespace rankine
