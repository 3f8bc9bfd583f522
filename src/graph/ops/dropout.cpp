#include "base/rng.h"
#include "graph/ops/ops.h"
#include "graph/ops/shapes.h"

namespace rankine {

// Dropout (Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting").
//   y = x * mask;  mask = 0 where u < p, else `factor`;  u = the uniform numbers in [0, 1) of the key's stream, in
//   order [x, key] -> y.  key: i32 [4]; the mask's shape broadcasts to x's
// Linear in x with the mask as its only coefficient: the gradient is the same op on dy.
constinit const OpDef dropout_op = {
    .name = "dropout",
    .infer = [](const Node& n) -> std::vector<Type> {
      const Attributes& a = n.attributes();
      check(a.real("p") >= 0 && a.real("p") < 1, "p must be at least 0 and below 1, is ", a.real("p"));
      check(n.input(1).type() == Type{{4}, DType::i32}, "the key is ", n.input(1).type(), ", expected i32[4]");
      check_broadcast(a.integers("mask"), n.input(0).shape());
      return {n.input(0).type()};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      return {n.graph().add(dropout_op, {dy[0], n.input(1)}, n.attributes()), {}};
    },
    .flops = [](const Node& n) { return 10.0 * static_cast<double>(count_of(n.attributes().integers("mask"))); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const Attributes& a = n.attributes();
          RandomKey key;
          for (size_t i = 0; i < 4; ++i) key[i] = static_cast<uint32_t>(static_cast<int32_t>(in[1].data()[i]));
          Rng rng(key, static_cast<uint32_t>(a.integer("stream")));
          HostTensor mask(a.integers("mask"));
          for (double& m : mask.data()) m = static_cast<double>(rng.uniform()) < a.real("p") ? 0 : a.real("factor");
          for (int64_t i = 0; i < out[0].count(); ++i)
            out[0][i] = in[0][i] * mask[broadcast_index(mask.shape(), in[0].shape(), i)];
        },
    .in_place = {0, -1, -1},
};

Value dropout(Value x, Value key, const Dropout& settings) {
  return x.graph().add(dropout_op, {x, key},
                       {{"p", settings.p},
                        {"factor", settings.factor},
                        {"mask", settings.mask},
                        {"stream", static_cast<int64_t>(settings.stream)}});
}

}  // namespace rankine
