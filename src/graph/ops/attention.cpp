#include <algorithm>
#include <cmath>

#include "graph/ops/ops.h"

namespace rankine {
namespace {

/// The sizes of one attention, and element offsets of (image, token, head).
struct Layout {
  int64_t images, queries, keys, heads, head_size;
  double scale;
  bool causal;
  explicit Layout(const Node& n)
      : images(n.input(0).dim(0)),
        queries(n.input(0).dim(1)),
        keys(n.input(1).dim(1)),
        heads(n.attributes().integer("heads")),
        head_size(n.input(0).dim(2) / heads),
        scale(1.0 / std::sqrt(static_cast<double>(head_size))),
        causal(n.attributes().integer("causal") != 0) {}
  int64_t q(int64_t image, int64_t token, int64_t head) const {
    return ((image * queries + token) * heads + head) * head_size;
  }
  int64_t k(int64_t image, int64_t token, int64_t head) const {
    return ((image * keys + token) * heads + head) * head_size;
  }
  int64_t visible(int64_t query) const { return causal ? std::min(query + 1, keys) : keys; }
};

double dot(const HostTensor& a, int64_t at_a, const HostTensor& b, int64_t at_b, int64_t size) {
  double sum = 0;
  for (int64_t i = 0; i < size; ++i) sum += a[at_a + i] * b[at_b + i];
  return sum;
}

}  // namespace

constinit const OpDef scaled_dot_product_attention_op = {
    .name = "scaled_dot_product_attention",
    .infer = [](const Node& n) -> std::vector<Type> {
      const Type &q = n.input(0).type(), &k = n.input(1).type(), &v = n.input(2).type();
      const int64_t heads = n.attributes().integer("heads");
      check(q.shape.size() == 3 && k.shape.size() == 3 && k == v && q.dtype == k.dtype && q.shape[0] == k.shape[0] &&
                q.shape[2] == k.shape[2] && q.shape[2] % heads == 0,
            "q ", q, ", k ", k, ", v ", v, " do not fit ", heads, " heads");
      return {q, {{q.shape[0], heads, q.shape[1]}, DType::f32}};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      Node& self = const_cast<Node&>(n);
      const Value d =
          n.graph().add(scaled_dot_product_attention_grad_op,
                        {n.input(0), n.input(1), n.input(2), self.output(0), self.output(1), dy[0]}, n.attributes());
      return {d, {&d.node(), 1}, {&d.node(), 2}};
    },
    .flops =
        [](const Node& n) {
          return 4.0 * static_cast<double>(n.type().count()) * static_cast<double>(n.input(1).dim(1));
        },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const Layout l(n);
#pragma omp parallel for collapse(2)
          for (int64_t i = 0; i < l.images; ++i)
            for (int64_t h = 0; h < l.heads; ++h) {
              std::vector<double> p(static_cast<size_t>(l.keys));
              for (int64_t t = 0; t < l.queries; ++t) {
                const int64_t seen = l.visible(t);
                double highest = -INFINITY, sum = 0;
                for (int64_t s = 0; s < seen; ++s) {
                  p[s] = l.scale * dot(in[0], l.q(i, t, h), in[1], l.k(i, s, h), l.head_size);
                  highest = std::max(highest, p[s]);
                }
                for (int64_t s = 0; s < seen; ++s) sum += p[s] = std::exp(p[s] - highest);
                out[1][(i * l.heads + h) * l.queries + t] = highest + std::log(sum);
                for (int64_t s = 0; s < seen; ++s)
                  for (int64_t d = 0; d < l.head_size; ++d)
                    out[0][l.q(i, t, h) + d] += p[s] / sum * in[2][l.k(i, s, h) + d];
              }
            }
        },
};

// [q, k, v, out, lse, dout] -> dq, dk, dv (Dao 2023, arXiv:2307.08691, algorithm 2):
//   P = exp(scale q k^T - lse), dv = P^T dout, dS = P (dout v^T - rowsum(dout out)), dq = scale dS k, dk = scale dS^T q
constinit const OpDef scaled_dot_product_attention_grad_op = {
    .name = "scaled_dot_product_attention_grad",
    .infer = [](const Node& n) -> std::vector<Type> {
      return {n.input(0).type(), n.input(1).type(), n.input(2).type()};
    },
    .flops =
        [](const Node& n) {
          return 10.0 * static_cast<double>(n.type().count()) * static_cast<double>(n.input(1).dim(1));
        },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const Layout l(n);
          const HostTensor &q = in[0], &k = in[1], &v = in[2], &y = in[3], &lse = in[4], &dy = in[5];
#pragma omp parallel for collapse(2)
          for (int64_t i = 0; i < l.images; ++i)
            for (int64_t h = 0; h < l.heads; ++h)
              for (int64_t t = 0; t < l.queries; ++t) {
                const int64_t at = l.q(i, t, h);
                const double shared = dot(dy, at, y, at, l.head_size);
                for (int64_t s = 0; s < l.visible(t); ++s) {
                  const int64_t key = l.k(i, s, h);
                  const double p =
                      std::exp(l.scale * dot(q, at, k, key, l.head_size) - lse[(i * l.heads + h) * l.queries + t]);
                  const double ds = l.scale * p * (dot(dy, at, v, key, l.head_size) - shared);
                  for (int64_t d = 0; d < l.head_size; ++d) {
                    out[0][at + d] += ds * k[key + d];
                    out[1][key + d] += ds * q[at + d];
                    out[2][key + d] += p * dy[at + d];
                  }
                }
              }
        },
};

Value scaled_dot_product_attention(Value q, Value k, Value v, int64_t heads, bool causal) {
  return q.graph().add(scaled_dot_product_attention_op, {q, k, v},
                       {{"heads", heads}, {"causal", static_cast<int64_t>(causal)}});
}

}  // namespace rankine
