#include "diffusion/loss_graph.h"

#include <doctest/doctest.h>

#include "diffusion/loss.h"
#include "graph/feeds.h"
#include "graph/ops/ops.h"

using namespace rankine;

TEST_CASE("every loss gives in the graph what it gives by its formula, with and without a mask") {
  for (const LossKind& kind : loss_kinds())
    for (const bool masked : {false, true}) {
      CAPTURE(kind.name);
      CAPTURE(masked);
      Graph g;
      const Type picture{{2, 3, 5, 4}, DType::f32};
      g.output("losses", sample_losses(g, {kind.name, masked}, g.input("p", picture), g.input("t", picture)));
      Feed feed = random_feed(g, 3);
      if (kind.uses_threshold) {
        feed.find("huber_c")->second[0] = 0.1;
        feed.find("huber_c")->second[1] = 0.7;
      }
      const Interpreter run(g, feed);
      const auto floats = [&](const char* name, int64_t begin, int64_t count, int64_t repeats) {
        std::vector<float> values;
        for (int64_t i = 0; i < count; ++i)
          values.insert(values.end(), repeats, static_cast<float>(feed.find(name)->second[begin + i]));
        return values;
      };
      for (int64_t n = 0; n < 2; ++n) {
        const std::vector<float> mask = masked ? floats("loss_mask", n * 15, 15, 4) : std::vector<float>{};
        const float expected =
            sample_loss(kind, floats("p", n * 60, 60, 1), floats("t", n * 60, 60, 1), n == 0 ? 0.1f : 0.7f, mask);
        CHECK(run.output("losses")[n] == doctest::Approx(expected).epsilon(1e-5));
      }
    }
}

TEST_CASE("a loss that does not exist is an error with the known names") {
  Graph g;
  const Value x = g.input("x", {{1, 2}, DType::f32});
  CHECK_THROWS_WITH_AS(sample_losses(g, {"l3"}, x, x), doctest::Contains("smooth_l1"), Error);
}
