#include "diffusion/sampler.h"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/rng.h"
#include "support/accounting.h"
#include "support/reference.h"

using namespace rankine;

namespace {

// Latents inside [-1, 1], which no sampler clips.
const std::vector<float> clean = {0.5f, -0.75f, 0.1f, 0.9f, -0.3f, 0.0f};

std::vector<float> normal_noise(uint64_t stream) {
  std::vector<float> noise(clean.size());
  Rng(5, purpose::sample, stream).fill_normal(noise);
  return noise;
}

/// A U-Net that always knows the clean latents: what it returns follows from the noisy ones. `timestep` may lie
/// between two entries, where the mix is that of the interpolated noise per signal, as the samplers see it.
PredictFunction perfect_model(const NoiseSchedule& schedule, Prediction prediction) {
  return [&schedule, prediction](std::span<const float> noisy, float timestep, std::span<float> out) {
    const auto ratio = [&](int64_t t) {
      return std::sqrt((1.0 - schedule.alphas_cumprod[t]) / schedule.alphas_cumprod[t]);
    };
    const auto below = static_cast<int64_t>(timestep);
    const int64_t above = std::min(below + 1, schedule.size() - 1);
    const double sigma = ratio(below) + (ratio(above) - ratio(below)) * (timestep - static_cast<double>(below));
    const double signal = 1 / std::sqrt(sigma * sigma + 1), share = sigma * signal;
    for (size_t i = 0; i < out.size(); ++i) {
      const double epsilon = (noisy[i] - signal * clean[i]) / share;
      out[i] = static_cast<float>(prediction == Prediction::v ? signal * epsilon - share * clean[i] : epsilon);
    }
  };
}

}  // namespace

TEST_CASE("timesteps and the first noise level are those recorded from the reference samplers") {
  const auto models = golden::read_reference_json("samplers.json");
  const NoiseSchedule schedule = make_noise_schedule();
  for (const auto& [model, table] : models.items()) {
    for (const auto& [name, recorded] : table.at("samplers").items()) {
      const std::string case_name = model + ".samplers." + name + ".timesteps";
      CAPTURE(case_name);
      bool built = false;
      for (const SamplerKind& kind : sampler_kinds()) built = built || kind.name == name;
      if (!built || recorded.contains("skipped")) {
        golden::skipped(case_name, built ? "not recorded" : "sampler " + name);
        continue;
      }
      golden::ran(case_name);
      const auto sampler = make_sampler(name, {.steps = table.at("steps").get<int>()}, schedule);
      const auto timesteps = recorded.at("timesteps").get<std::vector<float>>();
      REQUIRE(sampler->timesteps().size() == timesteps.size());
      for (size_t i = 0; i < timesteps.size(); ++i)  // those of dpm_2 lie between two, found by f32 logarithms
        CHECK(std::abs(sampler->timesteps()[i] - timesteps[i]) < 1e-3);
      CHECK(sampler->init_noise_sigma() ==
            doctest::Approx(recorded.at("init_noise_sigma").get<double>()).epsilon(1e-5));
      CHECK(sampler->draws_noise() == (recorded.at("noise_draws_used").get<int>() > 0));
    }
  }
}

TEST_CASE("with a model that knows the clean latents every sampler ends there, for noise and for v prediction") {
  const NoiseSchedule schedule = make_noise_schedule();
  for (const SamplerKind& kind : sampler_kinds()) {
    // These two end at the noise of timestep 0, a 34th of the latents' own size, instead of at none.
    const bool leaves_noise = kind.make == make_pndm || kind.make == make_dpmsolver;
    for (const Prediction prediction : {Prediction::epsilon, Prediction::v}) {
      // Runge-Kutta over velocities of several timesteps, as diffusers does it, is not exact here.
      if (kind.make == make_pndm && prediction == Prediction::v) continue;
      for (const int steps : {kind.least_steps, 7, 30}) {
        CAPTURE(kind.name);
        CAPTURE(steps);
        const auto sampler = make_sampler(kind.name, {.steps = steps, .prediction = prediction}, schedule);
        const auto end = run_sampler(*sampler, normal_noise(0), perfect_model(schedule, prediction),
                                     [](size_t i, std::span<float> noise) {
                                       const auto drawn = normal_noise(1 + i);
                                       std::copy(drawn.begin(), drawn.end(), noise.begin());
                                     });
        for (size_t i = 0; i < clean.size(); ++i) {
          if (leaves_noise)
            CHECK(std::abs(end[i] - clean[i]) < 0.1);
          else
            CHECK(end[i] == doctest::Approx(clean[i]).epsilon(2e-4));
        }
      }
    }
  }
}

TEST_CASE("one DDIM step is that of the formula, with the predicted clean latents clipped") {
  const NoiseSchedule schedule = make_noise_schedule();
  const auto sampler = make_sampler("ddim", {.steps = 8}, schedule);
  const double a = schedule.alphas_cumprod[875], next = schedule.alphas_cumprod[750];
  std::vector<float> latents = {0.2f, 3.0f};
  const std::vector<float> epsilon = {0.1f, -1.0f};
  SamplerMemory memory;
  sampler->step(0, epsilon, latents, {}, memory);
  const double x0 = (0.2 - std::sqrt(1 - a) * 0.1) / std::sqrt(a);
  REQUIRE(std::abs(x0) < 1);
  CHECK(latents[0] == doctest::Approx(std::sqrt(next) * x0 + std::sqrt(1 - next) * 0.1).epsilon(1e-5));
  CHECK(latents[1] == doctest::Approx(std::sqrt(next) - std::sqrt(1 - next)).epsilon(1e-5));
}

TEST_CASE("one Euler step moves along the predicted noise by the change of sigma") {
  const NoiseSchedule schedule = make_noise_schedule();
  const auto sampler = make_sampler("euler", {.steps = 2}, schedule);  // timesteps 999 and 0
  const double first = std::sqrt((1 - schedule.alphas_cumprod[999]) / schedule.alphas_cumprod[999]);
  const double second = std::sqrt((1 - schedule.alphas_cumprod[0]) / schedule.alphas_cumprod[0]);
  std::vector<float> latents = {2.0f}, scaled = latents;
  sampler->scale_model_input(0, scaled);
  CHECK(scaled[0] == doctest::Approx(2 / std::sqrt(first * first + 1)).epsilon(1e-4));
  SamplerMemory memory;
  sampler->step(0, std::vector<float>{0.5f}, latents, {}, memory);
  CHECK(latents[0] == doctest::Approx(2 + 0.5 * (second - first)).epsilon(1e-4));
}

TEST_CASE("the samplers without a recorded run go the way of diffusers' own schedulers") {
  // diffusers 0.35.2 in f32: DPMSolverMultistepScheduler(algorithm_type="dpmsolver", final_sigmas_type="sigma_min") and
  // KDPM2AncestralDiscreteScheduler, called with the formulas below as U-Net and as noise of call i.
  const struct {
    const char* name;
    Prediction prediction;
    int steps;
    std::vector<double> end;
  } cases[] = {
      {"dpmsolver", Prediction::epsilon, 5, {-0.7035123, -5.888193, -2.21693, -0.07394267, -2.035133, -2.083389}},
      {"dpmsolver", Prediction::epsilon, 20, {-0.1038645, -4.31778, -0.1404406, -0.04250431, -1.20603, -0.1532538}},
      {"dpmsolver", Prediction::v, 5, {-0.04698869, -0.07378593, -0.04660926, -0.04733982, -0.04853559, -0.0467236}},
      {"dpmsolver", Prediction::v, 20, {-0.005133469, -0.1679011, -0.0393323, 0.05513925, -0.07528612, -0.04575121}},
      {"dpm_2_a", Prediction::epsilon, 5, {2.125283, 0.4764948, 0.4699739, 0.07586378, -0.5783725, 0.372151}},
      {"dpm_2_a", Prediction::epsilon, 20, {-0.1921455, -1.848689, 0.009769352, -0.09535571, -1.922694, -0.0007921}},
      {"dpm_2_a", Prediction::v, 5, {0.2913629, 0.6363514, 0.06006882, -0.3113441, 0.4057755, 0.613776}},
      {"dpm_2_a", Prediction::v, 20, {-0.1008213, -0.002186325, 0.04552921, -0.06616459, -0.08501986, 0.03263676}},
  };
  const std::vector<float> start = {0.5f, -0.75f, 0.1f, 0.9f, -0.3f, 0.02f};
  const NoiseSchedule schedule = make_noise_schedule();
  for (const auto& one : cases) {
    CAPTURE(one.name);
    CAPTURE(one.steps);
    CAPTURE((one.prediction == Prediction::v));
    const auto sampler = make_sampler(one.name, {.steps = one.steps, .prediction = one.prediction}, schedule);
    const auto end = run_sampler(
        *sampler, start,
        [](std::span<const float> x, float timestep, std::span<float> out) {
          for (size_t i = 0; i < x.size(); ++i) out[i] = std::sin(3 * x[i]) * 0.5f + x[i] * 0.4f + timestep / 2000;
        },
        [](size_t call, std::span<float> noise) {
          for (size_t i = 0; i < noise.size(); ++i)
            noise[i] = static_cast<float>(std::sin(1.7 * static_cast<double>(call * 6 + i) + 0.3));
        });
    for (size_t i = 0; i < end.size(); ++i) CHECK(std::abs(end[i] - one.end[i]) < 2e-4);
  }
}

TEST_CASE("sampling stops where it is told to, and guidance of 1 is the conditional prediction alone") {
  const NoiseSchedule schedule = make_noise_schedule();
  const auto sampler = make_sampler("ddim", {.steps = 10}, schedule);
  size_t calls = 0;
  run_sampler(*sampler, normal_noise(0), perfect_model(schedule, Prediction::epsilon), {},
              [&](size_t i, std::span<const float>) { return ++calls, i < 3; });
  CHECK(calls == 4);
  std::vector<float> u = {1, 2}, c = {2, 5}, out(2);
  apply_guidance(u, c, 1, out);
  CHECK(out == c);
  apply_guidance(u, c, 7.5f, u);
  CHECK(u == std::vector<float>{8.5f, 24.5f});
}

TEST_CASE("unknown samplers, impossible step counts and missing noise are refused") {
  const NoiseSchedule schedule = make_noise_schedule();
  CHECK_THROWS_WITH_AS(make_sampler("dpm", {}, schedule), doctest::Contains("ddim, pndm"), Error);
  CHECK_THROWS_AS(make_sampler("ddim", {.steps = 0}, schedule), Error);
  CHECK_THROWS_AS(make_sampler("ddim", {.steps = 1001}, schedule), Error);
  CHECK_THROWS_WITH_AS(make_sampler("pndm", {.steps = 3}, schedule), doctest::Contains("between 4 and 1000"), Error);
  const auto ancestral = make_sampler("euler_a", {}, schedule);
  CHECK_THROWS_AS(run_sampler(*ancestral, clean, perfect_model(schedule, Prediction::epsilon)), Error);
}
