#include "diffusion/noise.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

using namespace rankine;

namespace {

Rng rng(uint32_t of = 0) { return Rng(7, purpose::pyramid_noise, 0, of); }

}  // namespace

TEST_CASE("timesteps are drawn from min_timestep to one below max_timestep, both of them too") {
  NoiseConfig config;
  config.min_timestep = 10;
  config.max_timestep = 13;
  Rng numbers = rng();
  int64_t least = 1000, most = 0;
  for (int i = 0; i < 200; ++i) {
    const int64_t t = draw_timestep(config, 1000, numbers);
    least = std::min(least, t);
    most = std::max(most, t);
  }
  CHECK(least == 10);
  CHECK(most == 12);
  config.max_timestep = 10;  // one timestep alone
  CHECK(draw_timestep(config, 1000, numbers) == 10);
}

TEST_CASE("adaptive_noise_scale adds to the offset's strength by the channel's mean, never below 0") {
  NoiseConfig config;
  const std::vector<float> latents = {1, -2, 0, 8, 3, -4, 0, -4};  // two pixels: means 2, -3, 0, 2
  CHECK(offset_strengths(config, 0.5f, latents) == std::vector<float>(4, 0.5f));
  config.adaptive_noise_scale = 0.5;
  CHECK(offset_strengths(config, 0.5f, latents) == std::vector<float>{1.5f, 2.0f, 0.5f, 1.5f});
  config.adaptive_noise_scale = -0.5;
  CHECK(offset_strengths(config, 1.25f, latents) == std::vector<float>{0.25f, 0.0f, 1.25f, 0.25f});
}

TEST_CASE("levels of pyramid noise shrink by 2 to 4 each, weaken by the discount, and end at one pixel") {
  NoiseConfig config;
  config.multires_noise_iterations = 10;
  for (uint32_t run = 0; run < 20; ++run) {
    Rng numbers = rng(run);
    const std::vector<NoiseLevel> levels = noise_levels(config, 64, 32, numbers);
    REQUIRE(levels.size() >= 3);
    CHECK(levels.size() <= 6);
    CHECK(levels[0].height == 64);
    CHECK(levels[0].width == 32);
    for (size_t i = 1; i < levels.size(); ++i) {
      CHECK(levels[i].height <= std::max<int64_t>(1, 64 >> i));
      CHECK(levels[i].strength == doctest::Approx(std::pow(0.3, i)));
      CHECK((levels[i].width > 1) == (i + 1 < levels.size()));
    }
  }
}

TEST_CASE("a coarse level is enlarged as torch's Upsample does it") {
  // torch.nn.Upsample(size=(1, 4), mode="bilinear") of [0, 8] is [0, 2, 6, 8].
  std::vector<float> values(2 * 4), noise(4 * 4, 1.0f);
  values[4] = 8;
  add_noise_level({1, 2, 0.5f}, values, 1, 4, noise);
  CHECK(noise[0] == 1);
  CHECK(noise[4] == 2);
  CHECK(noise[8] == 4);
  CHECK(noise[12] == 5);
  CHECK(noise[1] == 1);  // the other channels have nothing
}

TEST_CASE("pyramid noise ends with a standard deviation of 1") {
  std::vector<float> noise = {1, 5, 3, 7};
  divide_by_deviation(noise);
  const double mean = (noise[0] + noise[1] + noise[2] + noise[3]) / 4.0;
  double squares = 0;
  for (const float x : noise) squares += (x - mean) * (x - mean);
  CHECK(squares / 3 == doctest::Approx(1));
}

TEST_CASE("noise settings that are out of range or need another are named") {
  NoiseConfig config;
  config.adaptive_noise_scale = 0.1;
  CHECK_THROWS_WITH_AS(check_noise(config, 1000), doctest::Contains("--noise_offset"), Error);
  config = {};
  config.max_timestep = 1001;
  CHECK_THROWS_WITH_AS(check_noise(config, 1000), doctest::Contains("--max_timestep"), Error);
  config = {};
  config.min_timestep = 1000;
  CHECK_THROWS_WITH_AS(check_noise(config, 1000), doctest::Contains("--min_timestep"), Error);
  config.min_timestep = 500;
  config.max_timestep = 400;
  CHECK_THROWS_AS(check_noise(config, 1000), Error);
  CHECK_NOTHROW(check_noise({}, 1000));
}
