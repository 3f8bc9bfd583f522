#include "diffusion/noise_schedule.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/error.h"
#include "diffusion/loss.h"
#include "diffusion/loss_weighting.h"
#include "io/safetensors.h"
#include "support/accounting.h"
#include "support/reference.h"

using namespace rankine;

namespace {

using Table = std::function<float(const NoiseSchedule&, int64_t)>;

Table weights(const LossWeightingConfig& config) {
  return [config](const NoiseSchedule& s, int64_t t) { return loss_weight(config, s, t); };
}

Table huber(const std::string& name, double scale) {
  return [&kind = find_huber_schedule(name), scale](const NoiseSchedule& s, int64_t t) {
    return huber_threshold(kind, 0.1, scale, s, t);
  };
}

/// The computed values of a recorded table with this name; nothing if it is not built. Tables of weights carry their
/// parameter in the name: min_snr5_eps, v_pred_like_loss_0.3.
std::optional<Table> table_of(const std::string& name) {
  static const std::map<std::string, Table> plain = {
      {"betas", [](const NoiseSchedule& s, int64_t t) { return s.betas[t]; }},
      {"alphas_cumprod", [](const NoiseSchedule& s, int64_t t) { return s.alphas_cumprod[t]; }},
      {"all_snr", [](const NoiseSchedule& s, int64_t t) { return s.all_snr[t]; }},
      {"huber_c_constant", huber("constant", 1.5)},
      {"huber_c_exponential", huber("exponential", 1.5)},
      {"huber_c_snr", huber("snr", 1.5)},
  };
  if (const auto found = plain.find(name); found != plain.end()) return found->second;
  LossWeightingConfig config;
  if (name.ends_with("_v") || name.starts_with("scale_v")) config.prediction = Prediction::v;
  if (name.starts_with("min_snr")) {
    config.min_snr_gamma = std::stod(name.substr(7));
  } else if (name.starts_with("v_pred_like_loss_")) {
    config.v_pred_like_loss = std::stod(name.substr(17));
  } else if (name == "scale_v_pred_loss_like_noise_pred") {
    config.scale_v_pred_loss_like_noise_pred = true;
  } else if (name == "debiased_eps" || name == "debiased_v") {
    config.debiased_estimation_loss = true;
  } else {
    return std::nullopt;
  }
  check_loss_weighting(config);
  return weights(config);
}

// The recorded run's own rounding is amplified where nearly equal numbers are subtracted (tests/reference/README.md).
double tolerance(const std::string& name, bool zero_terminal) {
  if (name == "all_snr" || name.starts_with("min_snr")) return 5e-5;
  if (zero_terminal && name == "alphas_cumprod") return 1e-4;
  if (zero_terminal && name == "betas") return 5e-4;
  return 1e-5;
}

}  // namespace

TEST_CASE("noise schedules, loss weights and Huber thresholds agree with the recorded tables") {
  if (!golden::has_reference("noise_schedule.safetensors")) return;
  const std::string prefix = "zero_terminal_snr.";
  const SafetensorsFile file = SafetensorsFile::open(golden::reference_file("noise_schedule.safetensors").string());
  REQUIRE(!file.tensors().empty());
  for (const TensorInfo& info : file.tensors()) {
    CAPTURE(info.name);
    const std::string case_name = "noise_schedule." + info.name;
    const bool zero_terminal = info.name.starts_with(prefix);
    const std::string name = zero_terminal ? info.name.substr(prefix.size()) : info.name;
    const std::optional<Table> table = table_of(name);
    if (!table) {
      golden::skipped(case_name, "table " + name);
      continue;
    }
    golden::ran(case_name);
    const std::vector<float> expected = file.read_f32(info.name);
    const NoiseSchedule schedule = make_noise_schedule(
        {.num_train_timesteps = static_cast<int64_t>(expected.size()), .zero_terminal_snr = zero_terminal});
    double worst = 0;
    for (size_t t = 0; t < expected.size(); ++t) {
      const double got = (*table)(schedule, static_cast<int64_t>(t));
      if (got != expected[t]) worst = std::max(worst, std::abs(got - expected[t]) / std::abs(expected[t]));
    }
    CHECK(worst <= tolerance(name, zero_terminal));
  }
}

TEST_CASE("zero terminal SNR leaves no signal at the last timestep and the first one as it was") {
  const NoiseSchedule plain = make_noise_schedule(), rescaled = make_noise_schedule({.zero_terminal_snr = true});
  CHECK(rescaled.alphas_cumprod.back() == 0);
  CHECK(rescaled.alphas_cumprod.front() == doctest::Approx(plain.alphas_cumprod.front()).epsilon(1e-6));
  CHECK(rescaled.all_snr == plain.all_snr);
}

TEST_CASE("noising and the v target agree with the recorded tensors, and together give the latents back") {
  if (!golden::has_reference("losses.safetensors")) return;
  const SafetensorsFile file = SafetensorsFile::open(golden::reference_file("losses.safetensors").string());
  if (!file.find("noisy") || !file.find("velocity")) return golden::skipped("losses.noisy", "no tensors");
  golden::ran("losses.noisy");
  golden::ran("losses.velocity");
  const auto latents = file.read_f32("pred"), noise = file.read_f32("target");
  const auto noisy = file.read_f32("noisy"), v = file.read_f32("velocity");
  const auto timesteps = file.read_i32("timesteps");
  const NoiseSchedule schedule = make_noise_schedule();
  const size_t size = latents.size() / timesteps.size();
  std::vector<float> out(size);
  for (size_t sample = 0; sample < timesteps.size(); ++sample) {
    const NoiseMix mix = noise_mix(schedule, timesteps[sample]);
    const auto part = [&](const std::vector<float>& all) { return std::span(all).subspan(sample * size, size); };
    add_noise(mix, part(latents), part(noise), out);
    for (size_t i = 0; i < size; ++i) {
      REQUIRE(out[i] == doctest::Approx(part(noisy)[i]).epsilon(1e-5));
      REQUIRE(mix.signal * out[i] - mix.noise * part(v)[i] == doctest::Approx(part(latents)[i]).epsilon(1e-4));
    }
    velocity(mix, part(latents), part(noise), out);
    for (size_t i = 0; i < size; ++i) REQUIRE(out[i] == doctest::Approx(part(v)[i]).epsilon(1e-5));
  }
}

TEST_CASE("timesteps outside the schedule and impossible schedules are refused") {
  const NoiseSchedule schedule = make_noise_schedule();
  CHECK_THROWS_AS(noise_mix(schedule, -1), Error);
  CHECK_THROWS_AS(noise_mix(schedule, 1000), Error);
  CHECK_THROWS_AS(loss_weight({}, schedule, 1000), Error);
  CHECK_THROWS_AS(make_noise_schedule({.num_train_timesteps = 1}), Error);
  CHECK_THROWS_AS(make_noise_schedule({.beta_start = 0.02, .beta_end = 0.01}), Error);
}
