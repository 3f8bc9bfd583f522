#include <doctest/doctest.h>

#include <bit>
#include <cmath>

#include "backend/cpu/ops/code_table.h"
#include "base/rng.h"
#include "graph/ops/update/dynamic_map.h"
#include "optim/update_run.h"

using namespace rankine;

namespace {

constexpr int64_t size = 6000;  // above the least size, and no multiple of a block

std::vector<float> normal_values(uint64_t stream, double scale) {
  Rng rng(3, 0, stream);
  std::vector<float> values(size);
  for (float& x : values) x = static_cast<float>(scale * rng.normal());
  return values;
}

/// Noisy gradients of 1/2 sum c (w - target)^2 with curvatures from 0.01 to 1. Gives the loss of each step.
std::vector<double> loss_curve(const std::string& type, double lr, int steps) {
  UpdateRun run(type, {}, {{60, 100}});
  const std::vector<float> target = normal_values(0, 1);
  run.set(0, std::vector<float>(size));
  std::vector<double> losses;
  for (int step = 0; step < steps; ++step) {
    const std::vector<float> w = run.get(0);
    std::vector<float> gradient = normal_values(static_cast<uint64_t>(step) + 1, 0.1);
    double loss = 0;
    for (size_t i = 0; i < w.size(); ++i) {
      const double curvature = std::pow(10.0, -2.0 * static_cast<double>(i % 100) / 99), off = w[i] - target[i];
      loss += 0.5 * curvature * off * off / size;
      gradient[i] += static_cast<float>(curvature * off);
    }
    losses.push_back(loss);
    run.update({gradient}, lr);
  }
  return losses;
}

}  // namespace

TEST_CASE("the dynamic map has seven decades, each twice as fine as the one below") {
  for (const bool is_signed : {false, true}) {
    const DynamicMap& map = dynamic_map(is_signed);
    for (size_t i = 1; i < map.size(); ++i) CHECK(map[i] > map[i - 1]);
    CHECK(map.back() == 1.0f);
    CHECK(map[is_signed ? 127 : 0] == 0.0f);
    for (int code = 0; code < 256; ++code) CHECK(nearest_code(map, map[static_cast<size_t>(code)]) == code);
  }
  CHECK(dynamic_map(false)[1] == doctest::Approx(1e-6 * 0.325));  // two values in [0.1, 1] of the lowest decade
  CHECK(dynamic_map(true)[128] == doctest::Approx(1e-6 * 0.55));  // one
  CHECK(dynamic_map(true)[0] == doctest::Approx(-(1 - 0.45 / 64)));
}

TEST_CASE("the nearest code is nearest, and a momentum keeps its sign") {
  const DynamicMap& map = dynamic_map(true);
  Rng rng(1, 0, 0);
  for (int n = 0; n < 2000; ++n) {
    const float x = 2 * rng.uniform() - 1;
    float best = 2;
    for (const float value : map) best = std::min(best, std::abs(value - x));
    CHECK(std::abs(map[nearest_code(map, x)] - x) == best);
  }
  CHECK(map[nearest_code_of_same_sign(map, 1e-9f)] >= 0);
  CHECK(map[nearest_code_of_same_sign(map, -1e-9f)] <= 0);
}

TEST_CASE("the table gives every number the code that the search gives it") {
  for (const bool is_signed : {false, true}) {
    const DynamicMap& map = dynamic_map(is_signed);
    const cpu::CodeTable& table = cpu::code_table(is_signed);
    int wrong = 0;
    const auto look = [&](float x) {
      if (!(std::abs(x) <= 1) || (x < 0 && !is_signed)) return;
      wrong += table(x) != (is_signed ? nearest_code_of_same_sign(map, x) : nearest_code(map, x));
    };
    for (uint32_t bits = 0; bits < (1u << 20); ++bits) look(std::bit_cast<float>(bits << 12));
    for (size_t code = 0; code < 255; ++code) {
      float x = map[code] + (map[code + 1] - map[code]) / 2;  // where one code ends and the next begins
      for (int i = 0; i < 8; ++i) x = std::nextafter(x, -2.0f);
      for (int i = 0; i < 16; ++i) look(x = std::nextafter(x, 2.0f));
      look(map[code]);
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("8-bit updates on the CPU follow their definition") {
  for (const char* type : {"AdamW8bit", "Lion8bit", "SGDNesterov8bit"}) {
    CAPTURE(type);
    UpdateRun cpu(type, {}, {{60, 100}}), reference(type, {}, {{60, 100}}, "reference");
    const std::vector<float> start = normal_values(0, 0.1);
    for (UpdateRun* run : {&cpu, &reference}) {
      run->set(0, start);
      for (uint64_t step = 1; step < 6; ++step) run->update({normal_values(step, 1)}, 1e-2);
    }
    const std::vector<float> got = cpu.get(0), expected = reference.get(0);
    double difference = 0, change = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      difference += std::pow(static_cast<double>(got[i]) - expected[i], 2);
      change += std::pow(static_cast<double>(expected[i]) - start[i], 2);
    }
    CHECK(std::sqrt(difference / change) < 2e-2);  // now and then a state lies between two codes and goes another way
  }
}

TEST_CASE("8-bit optimisers need a quarter of the state") {
  const auto state_bytes = [](const char* type) {
    const size_t weight_and_gradient = 2 * 256 * 256 * sizeof(float);
    return static_cast<double>(UpdateRun(type, {}, {{256, 256}}).variable_bytes() - weight_and_gradient);
  };
  CHECK(state_bytes("AdamW8bit") < 0.26 * state_bytes("AdamW"));
  CHECK(state_bytes("Lion8bit") < 0.26 * state_bytes("Lion"));
  CHECK(state_bytes("SGDNesterov8bit") < 0.26 * state_bytes("SGDNesterov"));
}

TEST_CASE("small tensors keep their state in 32 bits") {
  UpdateRun eight("AdamW8bit", {}, {{60, 10}}), full("AdamW", {}, {{60, 10}});
  for (UpdateRun* run : {&eight, &full}) {
    run->set(0, std::vector<float>(600, 0.5f));
    for (int step = 0; step < 5; ++step) run->update({std::vector<float>(600, 0.1f)}, 1e-2);
  }
  CHECK(eight.get(0) == full.get(0));
  CHECK(UpdateRun("AdamW8bit", {"min_8bit_size=500"}, {{60, 10}}).variable_bytes() < full.variable_bytes());
}

TEST_CASE("the loss under 8-bit state falls as it does under 32 bits") {
  const struct {
    std::string eight, full;
    double lr, apart;
  } pairs[] = {{"AdamW8bit", "AdamW", 1e-2, 0.1}, {"SGDNesterov8bit", "SGDNesterov", 1e-2, 0.01}};
  for (const auto& pair : pairs) {
    CAPTURE(pair.eight);
    const std::vector<double> eight = loss_curve(pair.eight, pair.lr, 500), full = loss_curve(pair.full, pair.lr, 500);
    double worst = 0;
    for (size_t i = 0; i < full.size(); ++i) worst = std::max(worst, std::abs(eight[i] - full[i]) / full[i]);
    CHECK(worst < pair.apart);
    CHECK(full.back() < 0.01 * full.front());
  }
  // A step changes Lion's momentum by 1 %, often less than half the way to the next code: it learns, but less exactly.
  const std::vector<double> lion = loss_curve("Lion8bit", 3e-3, 500);
  CHECK(lion.back() < 0.2 * lion.front());
}
