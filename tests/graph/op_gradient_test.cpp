#include <doctest/doctest.h>

#include "graph/autodiff.h"
#include "graph/feeds.h"
#include "graph/op_cases.h"
#include "graph/verify.h"

using namespace rankine;

// dy is random: the gradient of a plain sum is zero through softmax and normalisation, and would let a wrong rule pass.
TEST_CASE("every op: the gradient rule agrees with central differences in double") {
  for (const OpCase& c : op_cases()) {
    if (!c.differentiable) continue;
    CAPTURE(c.name);
    Graph g;
    const Value y = c.build(g, DType::f32);
    std::vector<Value> wrt;
    for (const Value x : g.leaves(input_op))
      if (x.dtype() == DType::f32) wrt.push_back(x);
    const Value loss = scale(mean(cast(y, DType::f32) * g.input("dy", {y.shape(), DType::f32})),
                             static_cast<double>(y.type().count()));
    g.output("loss", loss);
    const std::vector<Value> gradients = append_gradients(g, loss, wrt, fill(g, {{}, DType::f32}, 1.0));
    for (size_t i = 0; i < wrt.size(); ++i)
      if (gradients[i]) g.output(wrt[i].node().scope() + "'", gradients[i]);
    verify(g, "autodiff");
    Feed feed = random_feed(g, 1);
    const Interpreter by_rule(g, feed);
    for (size_t i = 0; i < wrt.size(); ++i) {
      const std::string name = wrt[i].node().scope();
      CAPTURE(name);
      REQUIRE(gradients[i]);
      HostTensor by_difference(wrt[i].shape());
      HostTensor& x = feed.find(name)->second;
      constexpr double step = 1e-5;
      for (int64_t e = 0; e < x.count(); ++e) {
        const double kept = x[e];
        x[e] = kept + step;
        const double above = Interpreter(g, feed).output("loss")[0];
        x[e] = kept - step;
        const double below = Interpreter(g, feed).output("loss")[0];
        x[e] = kept;
        by_difference[e] = (above - below) / (2 * step);
      }
      CHECK(relative_error(by_rule.output(name + "'"), by_difference) < 1e-6);
    }
  }
}
