#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "diffusion/loss_config.h"
#include "diffusion/noise_schedule.h"
#include "step/step_settings.h"

namespace rankine {

/// One picture and its caption, as a micro-batch takes them. Views are read while it is added.
struct StepSample {
  std::span<const float> latents;  ///< [h, w, C] of the autoencoder, before LatentSpace::scale
  const std::string& caption;
  float loss_weight = 1;
  std::span<const float> loss_mask = {};  ///< [h, w], factors on the error; empty: ones
  PictureSizes sizes = {};
};

/// One micro-batch before noise and latents meet. Pictures are NHWC.
struct StepData {
  StepShape shape;
  std::vector<float> latents;        ///< [N, h, w, C] of the autoencoder, before LatentSpace::scale
  std::vector<float> noise;          ///< [N, h, w, C], normal
  std::vector<float> offset_noise;   ///< [N, C], normal; empty without noise_offset
  std::vector<float> pyramid_noise;  ///< [N, h, w, C], all levels together; empty without multires_noise_iterations
  std::vector<float> ip_noise;       ///< [N, h, w, C], normal; empty without ip_noise_gamma
  /// The share of noise_offset and ip_noise_gamma in force; random_strength draws it.
  float offset_share = 1, ip_share = 1;
  std::vector<int64_t> timesteps;    ///< [N]
  std::vector<float> loss_weights;   ///< [N], of the data alone
  std::vector<float> loss_mask;      ///< [N, h, w], factors on the error; empty without masks
  std::vector<int32_t> ids;          ///< [N, ...] of Model::ids_shape
  std::vector<float> sizes;          ///< [N, kSizeNumbers]
  std::vector<float> token_weights;  ///< [N, tokens]; empty without weighted_captions
};

/// A micro-batch of pictures of one size and texts of `chunks` chunks, as yet without samples.
StepData empty_batch(const LatentSpace& space, Size picture, int64_t chunks);

/// Adds a sample: shape.batch, latents, ids, sizes, token_weights, loss_weights and loss_mask grow by it.
/// `weighted_captions`: "(word:1.2)" in the caption is a weight. Throws Error as Model::tokenize does.
void add_sample(StepData& data, const Model& model, bool weighted_captions, const StepSample& sample);

/// The inputs of a step: scaled latents with noise (Ho et al. 2020, arXiv:2006.11239, eq. 4), the target, the loss
/// weights of the data times those of the timesteps, and the Huber thresholds.
StepInputs make_step_inputs(const StepData& data, const LatentSpace& space, const LossConfig& loss,
                            const NoiseSchedule& schedule);

/// Draws noise of every kind and timesteps for `data.shape`. Sample i of the run's micro-batch `micro_batch` always
/// gets the same.
void draw_noise(StepData& data, const LatentSpace& space, uint64_t seed, int64_t micro_batch, const LossConfig& loss,
                const NoiseSchedule& schedule);

}  // namespace rankine
