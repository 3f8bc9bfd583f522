#include "diffusion/loss.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "base/error.h"
#include "io/safetensors.h"
#include "support/accounting.h"
#include "support/reference.h"

using namespace rankine;

namespace {

struct Recorded {
  SafetensorsFile file = SafetensorsFile::open(golden::reference_file("losses.safetensors").string());
  std::vector<float> prediction = file.read_f32("pred"), target = file.read_f32("target");
  std::vector<int32_t> timesteps = file.read_i32("timesteps");
  size_t size = prediction.size() / timesteps.size();

  std::span<const float> sample(const std::vector<float>& all, size_t i) const {
    return std::span(all).subspan(i * size, size);
  }
};

}  // namespace

TEST_CASE("every kind of loss agrees with its recorded values and gradients") {
  if (!golden::has_reference("losses.safetensors")) return;
  const Recorded recorded;
  const NoiseSchedule schedule = make_noise_schedule();
  const std::string ending = ".per_sample";
  for (const TensorInfo& info : recorded.file.tensors()) {
    if (!info.name.ends_with(ending)) continue;
    const std::string name = info.name.substr(0, info.name.size() - ending.size());  // "huber.snr" or "l2"
    CAPTURE(name);
    golden::ran("losses." + name);
    const size_t dot = name.find('.');
    const LossKind& kind = find_loss_kind(name.substr(0, dot));
    CHECK(kind.uses_threshold == (dot != name.npos));
    const auto per_sample = recorded.file.read_f32(info.name), gradient = recorded.file.read_f32(name + ".grad");
    for (size_t n = 0; n < recorded.timesteps.size(); ++n) {
      const float c = dot == name.npos ? 0
                                       : huber_threshold(find_huber_schedule(name.substr(dot + 1)), 0.1, 1.0, schedule,
                                                         recorded.timesteps[n]);
      const auto prediction = recorded.sample(recorded.prediction, n), target = recorded.sample(recorded.target, n);
      CHECK(sample_loss(kind, prediction, target, c) == doctest::Approx(per_sample[n]).epsilon(1e-5));
      double error = 0, norm = 0;
      for (size_t i = 0; i < recorded.size; ++i) {
        // The recorded gradient is that of the mean over elements and batch.
        const double slope = kind.slope(prediction[i] - target[i], c) / static_cast<double>(gradient.size());
        error += std::pow(slope - recorded.sample(gradient, n)[i], 2);
        norm += std::pow(recorded.sample(gradient, n)[i], 2);
      }
      CHECK(std::sqrt(error / norm) < 1e-5);
    }
  }
}

TEST_CASE("a mask is averaged down to the latent and multiplies the error") {
  const Recorded recorded;
  golden::ran("losses.masked_l2");
  const Shape shape = recorded.file.at("pred").shape, mask_shape = recorded.file.at("mask").shape;
  const auto mask = recorded.file.read_f32("mask"), expected = recorded.file.read_f32("masked_l2");
  const int64_t height = mask_shape[1], width = mask_shape[2];
  for (size_t n = 0; n < recorded.timesteps.size(); ++n) {
    const auto small = resize_mask_area(std::span(mask).subspan(n * height * width, height * width), height, width,
                                        shape[2], shape[3]);
    std::vector<float> all_channels;
    for (int64_t c = 0; c < shape[1]; ++c) all_channels.insert(all_channels.end(), small.begin(), small.end());
    CHECK(sample_loss(find_loss_kind("l2"), recorded.sample(recorded.prediction, n),
                      recorded.sample(recorded.target, n), 0,
                      all_channels) == doctest::Approx(expected[n]).epsilon(1e-5));
  }
}

TEST_CASE("a mask whose size is no multiple of the latent's is averaged over overlapping blocks") {
  const std::vector<float> mask = {0, 1, 2, 3, 4};
  CHECK(resize_mask_area(mask, 1, 5, 1, 2) == std::vector<float>{1, 3});
}

TEST_CASE("every slope is the derivative of its value") {
  for (const LossKind& kind : loss_kinds()) {
    CAPTURE(kind.name);
    for (const float d : {-1.3f, -0.2f, 0.4f, 2.0f}) {
      const float step = 1e-2f;
      const float difference = (kind.value(d + step, 0.3f) - kind.value(d - step, 0.3f)) / (2 * step);
      CHECK(kind.slope(d, 0.3f) == doctest::Approx(difference).epsilon(1e-2));
    }
  }
}

TEST_CASE("unknown losses and tensors of unequal size are refused") {
  CHECK_THROWS_WITH_AS(find_loss_kind("mse"), doctest::Contains("l2, l1, huber, smooth_l1"), Error);
  CHECK_THROWS_WITH_AS(find_huber_schedule("linear"), doctest::Contains("constant, exponential, snr"), Error);
  const std::vector<float> two = {1, 2}, three = {1, 2, 3};
  CHECK_THROWS_AS(sample_loss(find_loss_kind("l2"), two, three, 0), Error);
  CHECK_THROWS_AS(sample_loss(find_loss_kind("l2"), two, two, 0, three), Error);
}
