#include "diffusion/loss_weighting.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace rankine;

TEST_CASE("without any option every timestep weighs 1, and several options multiply") {
  const NoiseSchedule schedule = make_noise_schedule();
  CHECK(loss_weight({}, schedule, 500) == 1);
  CHECK(loss_weight({.min_snr_gamma = 0.0}, schedule, 500) == 1);
  const float snr = loss_weight({.min_snr_gamma = 5.0}, schedule, 300);
  const float debiased = loss_weight({.debiased_estimation_loss = true}, schedule, 300);
  CHECK(loss_weight({.min_snr_gamma = 5.0, .debiased_estimation_loss = true}, schedule, 300) == snr * debiased);
}

TEST_CASE("weightings that contradict what the model predicts are refused with a way out") {
  CHECK_NOTHROW(check_loss_weighting({}));
  CHECK_NOTHROW(check_loss_weighting({.prediction = Prediction::v, .scale_v_pred_loss_like_noise_pred = true}));
  CHECK_THROWS_WITH_AS(check_loss_weighting({.scale_v_pred_loss_like_noise_pred = true}),
                       doctest::Contains("--v_parameterization"), Error);
  CHECK_THROWS_AS(check_loss_weighting({.prediction = Prediction::v, .v_pred_like_loss = 0.5}), Error);
  CHECK_THROWS_AS(check_loss_weighting({.min_snr_gamma = -1.0}), Error);
}
