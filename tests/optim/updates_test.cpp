#include <doctest/doctest.h>

#include "base/rng.h"
#include "optim/update_run.h"

using namespace rankine;

namespace {

const std::vector<Shape> shapes = {{3, 50}, {64, 3}, {4, 30, 3, 3}};

std::vector<float> random_values(int64_t count, uint64_t stream, double size) {
  Rng rng(7, 0, stream);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& x : values) x = static_cast<float>(size * rng.normal());
  return values;
}

struct Setting {
  std::string type;
  std::vector<std::string> args;
  double lr;
};
const std::vector<Setting> settings = {
    {"AdamW", {}, 1e-2},
    {"Lion", {"weight_decay=0.1"}, 1e-3},
    {"SGDNesterov", {"weight_decay=0.1"}, 1e-1},
    {"Adafactor", {}, 1e-3},
    {"Adafactor", {"relative_step=False", "scale_parameter=False", "beta1=0.9", "weight_decay=0.1"}, 1e-2},
    {"Adafactor", {"warmup_init=True"}, 1e-3},
    {"Prodigy", {"weight_decay=0.1", "use_bias_correction=True", "d0=1e-3"}, 1},
    {"Prodigy", {"weight_decay=0.1", "decouple=False", "slice_p=11", "safeguard_warmup=True", "d0=1e-3"}, 1},
    {"DAdaptation", {"decouple=True", "weight_decay=0.1", "d0=1e-3"}, 1},
    {"DAdaptAdam", {"use_bias_correction=True", "weight_decay=0.1", "d0=1e-3"}, 1},
    {"DAdaptAdan", {"d0=1e-3"}, 1},
    {"DAdaptAdanIP", {"no_prox=True", "d0=1e-3"}, 1},
    {"DAdaptLion", {"weight_decay=0.1", "d0=1e-3"}, 1},
    {"DAdaptSGD", {"momentum=0.9", "weight_decay=0.1", "d0=1e-3"}, 1},
    {"DAdaptAdaGrad", {"momentum=0.5", "weight_decay=0.1", "d0=1e-3"}, 1},
    {"AdamWScheduleFree", {"warmup_steps=4", "weight_decay=0.1"}, 1e-2},
    {"RAdamScheduleFree", {}, 1e-2},
    {"SGDScheduleFree", {"warmup_steps=4", "weight_decay=0.1"}, 1e-1},
};

/// Twelve steps of gradients that pull towards a point, with noise; the rate starts at 0 and is 0 once more.
std::vector<std::vector<float>> run(const Setting& setting, const char* backend) {
  UpdateRun run(setting.type, setting.args, shapes, backend);
  std::vector<std::vector<float>> target;
  for (size_t i = 0; i < shapes.size(); ++i) {
    run.set(i, random_values(count_of(shapes[i]), i, 0.1));
    target.push_back(random_values(count_of(shapes[i]), 50 + i, 1));
  }
  for (int step = 0; step < 12; ++step) {
    std::vector<std::vector<float>> gradients;
    for (size_t i = 0; i < shapes.size(); ++i) {
      const auto stream = static_cast<uint64_t>(100 + step * 10) + i;
      std::vector<float> gradient = random_values(count_of(shapes[i]), stream, 0.3);
      for (size_t k = 0; k < gradient.size(); ++k) gradient[k] -= target[i][k];
      gradients.push_back(gradient);
    }
    run.update(gradients, step == 0 || step == 6 ? 0 : setting.lr);
  }
  std::vector<std::vector<float>> weights;
  for (size_t i = 0; i < shapes.size(); ++i) weights.push_back(run.evaluated(i));
  return weights;
}

/// Adafactor's first step on a matrix, from the paper's formulas: beta2 is 0, so that the moments are the gradient's.
std::vector<double> first_adafactor_direction(const std::vector<float>& g, int64_t rows, int64_t columns) {
  std::vector<double> row(static_cast<size_t>(rows)), column(static_cast<size_t>(columns)), direction(g.size());
  double total = 0;
  for (size_t i = 0; i < g.size(); ++i) {
    const double square = static_cast<double>(g[i]) * g[i];
    row[i / static_cast<size_t>(columns)] += square;
    column[i % static_cast<size_t>(columns)] += square;
    total += square;
  }
  double squares = 0;
  for (size_t i = 0; i < g.size(); ++i) {
    const double estimate =
        row[i / static_cast<size_t>(columns)] * column[i % static_cast<size_t>(columns)] / total;  // equation 4
    direction[i] = g[i] / std::sqrt(estimate);
    squares += direction[i] * direction[i];
  }
  const double rms = std::sqrt(squares / static_cast<double>(g.size()));
  for (double& x : direction) x /= std::max(1.0, rms);
  return direction;
}

}  // namespace

TEST_CASE("every optimiser on the CPU follows its definition over several steps, those without a rate included") {
  for (const Setting& setting : settings) {
    CAPTURE(setting.type);
    const auto got = run(setting, "cpu"), expected = run(setting, "reference");
    for (size_t i = 0; i < got.size(); ++i) {
      CAPTURE(i);
      double difference = 0, change = 0;
      const std::vector<float> start = random_values(count_of(shapes[i]), i, 0.1);
      for (size_t k = 0; k < got[i].size(); ++k) {
        difference += std::pow(static_cast<double>(got[i][k]) - expected[i][k], 2);
        change += std::pow(static_cast<double>(expected[i][k]) - start[k], 2);
      }
      CHECK(change > 0);
      const double rounding = 3e-8 * std::sqrt(static_cast<double>(got[i].size()));  // of the weights themselves
      CHECK(std::sqrt(difference) < 1e-4 * std::sqrt(change) + rounding);
    }
  }
}

TEST_CASE("Adafactor factors the second moment over the last two dimensions") {
  UpdateRun run("Adafactor", {"relative_step=False", "scale_parameter=False"}, {{5, 7}});
  const std::vector<float> start = random_values(35, 0, 1), gradient = random_values(35, 1, 1);
  run.set(0, start);
  run.update({gradient}, 0.01);
  const std::vector<double> direction = first_adafactor_direction(gradient, 5, 7);
  const std::vector<float> after = run.get(0);
  for (size_t i = 0; i < after.size(); ++i)
    CHECK(after[i] == doctest::Approx(start[i] - 0.01 * direction[i]).epsilon(1e-5));
  CHECK(run.state("exp_avg_sq_row", 0, 5).size() == 5);
  CHECK(run.state("exp_avg_sq_col", 0, 7).size() == 7);
}

TEST_CASE("Prodigy and D-Adaptation tell d, which grows from d0 while the gradient keeps its direction") {
  for (const char* type : {"Prodigy", "DAdaptation", "DAdaptAdam", "DAdaptAdan", "DAdaptAdanIP", "DAdaptLion",
                           "DAdaptSGD", "DAdaptAdaGrad"}) {
    CAPTURE(type);
    UpdateRun run(type, {}, {{10, 10}});
    std::vector<float> zeros(100);
    run.set(0, zeros);
    const std::vector<float> gradient(100, 1.0f);
    run.update({gradient}, 0);
    CHECK(run.output("d") == doctest::Approx(1e-6));
    CHECK(run.get(0) == zeros);
    double d = 1e-6;
    for (int step = 0; step < 30; ++step) {
      run.update({gradient}, 1);
      CHECK(run.output("d") >= d * 0.999);
      d = run.output("d");
    }
    CHECK(d > 1e-5);
  }
}

TEST_CASE("D-Adapted SGD and AdaGrad give the distances and weights of the dadaptation package") {
  struct Recorded {  // with dadaptation 3.2 and torch 2.9.1
    std::string type;
    std::vector<std::string> args;
    double lr;
    std::vector<double> d;  // after 5, 10, 20 and 30 steps
    std::vector<std::vector<double>> weights;
  };
  const std::vector<Recorded> cases = {
      {"DAdaptSGD",
       {"d0=0.001"},
       1,
       {0.00605297451, 0.0895872927, 3.96461598, 4.20460514},
       {{0.926769733, 1.91577077, 2.9110136}, {1.04352641, 2.06560445}}},
      {"DAdaptSGD",
       {"momentum=0.75", "weight_decay=0.125", "d0=0.001", "growth_rate=1.25"},
       0.5,
       {0.0015625, 0.00476837158, 0.044408921, 0.413590306},
       {{0.515750229, -0.0564321652, 0.48453337}, {0.989301503, -0.734145522}}},
      {"DAdaptAdaGrad",
       {"d0=0.01"},
       1,
       {0.0168787473, 0.0517070949, 0.295519681, 1.0623924},
       {{0.894653201, 0.853767514, 1.28624451}, {1.15259433, 0.176127076}}},
      {"DAdaptAdaGrad",
       {"momentum=0.5", "weight_decay=0.125", "d0=0.01", "growth_rate=1.125", "eps=0.001"},
       0.5,
       {0.01, 0.0138308032, 0.0324182663, 0.0662431396},
       {{0.554694831, -0.183867007, 0.191308185}, {0.952779889, -0.933616161}}},
  };
  for (const Recorded& recorded : cases) {
    CAPTURE(recorded.type);
    UpdateRun run(recorded.type, recorded.args, {{3}, {2}});
    run.set(0, {0.5, -0.25, 0.125});
    run.set(1, {1, -1});
    std::vector<double> d;
    for (int step = 0; step < 30; ++step) {
      std::vector<std::vector<float>> gradients;
      for (int i = 0; i < 2; ++i) {
        std::vector<float> w = run.get(static_cast<size_t>(i));
        for (size_t k = 0; k < w.size(); ++k) {
          const auto at = static_cast<float>(k);
          w[k] = (w[k] - (1 + at)) * (at + 1) * 0.5f + 0.125f * static_cast<float>((step + i) % 3 - 1);
        }
        gradients.push_back(w);
      }
      run.update(gradients, recorded.lr);
      if (step == 4 || step == 9 || step == 19 || step == 29) d.push_back(run.output("d"));
    }
    for (size_t i = 0; i < d.size(); ++i) CHECK(d[i] == doctest::Approx(recorded.d[i]).epsilon(2e-5));
    for (size_t i = 0; i < 2; ++i) {
      const std::vector<float> w = run.get(i);
      for (size_t k = 0; k < w.size(); ++k) CHECK(w[k] == doctest::Approx(recorded.weights[i][k]).epsilon(2e-5));
    }
  }
}

TEST_CASE("schedule-free: the average of the plain sequence is what is saved") {
  UpdateRun run("SGDScheduleFree", {"momentum=0.9"}, {{4}});
  std::vector<double> z(4, 1.0), average(4);
  run.set(0, {1, 1, 1, 1});
  CHECK(run.evaluated(0) == std::vector<float>{1, 1, 1, 1});
  for (int step = 1; step <= 5; ++step) {  // with one rate all z weigh the same: x is their mean
    const std::vector<float> gradient = random_values(4, static_cast<uint64_t>(step), 1);
    run.update({gradient}, 0.1);
    const std::vector<float> x = run.evaluated(0);
    for (size_t i = 0; i < 4; ++i) {
      z[i] -= 0.1 * static_cast<double>(gradient[i]);
      average[i] += (z[i] - average[i]) / step;
      CHECK(x[i] == doctest::Approx(average[i]).epsilon(1e-5));
    }
  }
}

TEST_CASE("Adafactor with relative_step and schedule-free optimisers go without a schedule") {
  const auto takes = [](const char* type, std::vector<std::string> args) {
    return make_optimizer(type, args)->takes_lr_schedule();
  };
  CHECK(takes("AdamW", {}));
  CHECK(takes("Prodigy", {}));
  CHECK(takes("Adafactor", {"relative_step=False"}));
  CHECK(!takes("Adafactor", {}));
  CHECK(!takes("Adafactor", {"relative_step=False", "warmup_init=True"}));
  CHECK(!takes("AdamWScheduleFree", {}));
  CHECK(!takes("SGDScheduleFree", {}));
}
