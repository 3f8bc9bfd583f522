#include <algorithm>
#include <cmath>

#include "graph/ops/ops.h"
#include "graph/ops/update/expression.h"
#include "graph/ops/update/update.h"

namespace rankine {

// The step size of optimisers that estimate the distance d to the solution (D-Adaptation: Defazio & Mishchenko 2023,
// arXiv:2301.07733; Prodigy: Mishchenko & Defazio 2023, arXiv:2306.06101).
// [d, k, lr of each group ...] -> d, d * rate, rate.  All f32 []. The rate is the largest lr. Variables start as zeros,
// so a d of 0 stands for d0. k counts the updates so far. With use_bias_correction, d * rate contains Adam's factor.
constinit const OpDef adapted_rate_op = {
    .name = "adapted_rate",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_scalars(n, 0, static_cast<int>(n.inputs().size()));
      return {{}, {}, {}};
    },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const Attributes& a = n.attributes();
          const double steps = in[1][0] + 1;
          const double correction = a.integer("use_bias_correction") ? std::sqrt(1 - std::pow(a.real("beta2"), steps)) /
                                                                           (1 - std::pow(a.real("beta1"), steps))
                                                                     : 1.0;
          double rate = 0;
          for (size_t i = 2; i < in.size(); ++i) rate = std::max(rate, in[i][0]);
          out[0][0] = in[0][0] == 0 ? a.real("d0") : in[0][0];
          out[1][0] = out[0][0] * rate * correction;
          out[2][0] = rate;
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Attributes& a = n.attributes();
      const Value given = n.input(0), steps = n.input(1) + 1;
      Value rate = number(n.graph(), 0);
      for (size_t i = 2; i < n.inputs().size(); ++i) rate = larger(rate, n.inputs()[i]);
      const Value d = where(is_above(abs(given), 0), given, number(n.graph(), a.real("d0")));
      Value d_rate = d * rate;
      if (a.integer("use_bias_correction"))
        d_rate = d_rate * sqrt(1 - power(a.real("beta2"), steps)) / (1 - power(a.real("beta1"), steps));
      return {d, d_rate, rate};
    },
};

}  // namespace rankine
